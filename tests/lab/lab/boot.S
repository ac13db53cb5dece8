# The whole operating system of a lab guest: one boot sector.
#
# It idles on the timer (18 ticks a second), writes 4 KiB to its disk on every fourth tick, round
# and round within the first sectors (`window`, a mask), and obeys keys that virDomainSendKey presses:
#   d  from now on, write all over the 8 MiB of the disk: a disk that is sparse grows
#   p  tell the hypervisor that the kernel panicked (ISA pvpanic, port 0x505)
#   c  from now on, compute between ticks instead of sleeping: the processor is busy
#   i  sleep between ticks again
#   h  hang: it is there, and never does anything again
#   w  arm the watchdog (ib700, port 0x443) for 2 s, and never pet it
# BIOS services: int 13h/43h extended write, int 16h keyboard; word 0x46c counts the ticks.

        .code16
        .globl  _start
_start:
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    %dl, boot_drive
        sti

tick:   cmpb    $0x00, computing
        jne     burn
        hlt
        jmp     obey
burn:   movw    0x46c, %ax
again:  cmpw    %ax, 0x46c
        je      again

obey:   movb    $0x01, %ah              # a key waiting?
        int     $0x16
        jz      work
        xorb    %ah, %ah                # take it; ASCII in %al
        int     $0x16
        cmpb    $'d', %al
        je      spread
        cmpb    $'c', %al
        je      compute
        cmpb    $'i', %al
        je      idle
        cmpb    $'h', %al
        je      hang
        cmpb    $'w', %al
        je      arm
        cmpb    $'p', %al
        jne     work
        movw    $0x505, %dx
        movb    $0x01, %al
        outb    %al, %dx
        jmp     work
spread: movw    $0x3fff, mask
        orw     $0x80, sector           # at once out of a window that is smaller
        jmp     work
compute:movb    $0x01, computing
        jmp     work
idle:   movb    $0x00, computing
        jmp     work
arm:    movw    $0x443, %dx
        movb    $0x0e, %al              # of its table: 2 s
        outb    %al, %dx
        jmp     work
hang:   cli
        hlt
        jmp     hang

work:   incb    ticks                   # each write costs 10 ms of emulation
        testb   $0x03, ticks
        jne     tick
        movw    $0x4300, %ax
        movb    boot_drive, %dl
        movw    $packet, %si
        int     $0x13
        addw    $8, sector
        movw    mask, %ax
        andw    %ax, sector
        jne     tick
        movw    $8, sector              # never over the boot sector
        jmp     tick

boot_drive: .byte 0
ticks:      .byte 0
computing:  .byte 0
        .balign 4
mask:       .word window, 0
packet:     .byte 16, 0                 # size of this packet
            .word 8                     # sectors
            .word 0x8000, 0             # from memory, offset and segment
sector:     .word 8, 0, 0, 0            # to sector, 64 bits

        .org    510
        .word   0xaa55
