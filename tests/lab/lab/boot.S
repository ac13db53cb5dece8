# The whole operating system of a lab guest: one boot sector.
#
# It sleeps, and twice a second the clock wakes it: it writes 4 KiB to its disk, round and round
# within the first sectors (`window`, a mask), and obeys keys that virDomainSendKey presses:
#   d  from now on, write all over the 8 MiB of the disk: a disk that is sparse grows
#   p  tell the hypervisor that the kernel panicked (ISA pvpanic, port 0x505)
#   c  from now on, compute between beats instead of sleeping: the processor is busy
#   i  sleep between beats again
#   h  hang: it is there, and never does anything again
#   w  arm the watchdog (ib700, port 0x443) for 2 s, and never pet it
# BIOS services: int 13h/43h extended write, int 16h keyboard.
#
# The clock is the periodic interrupt of the MC146818 (IRQ 8). The timer that a PC has for it can do no
# less than 18 a second, and to be woken is most of what a guest that does nothing costs its host.

        .code16
        .globl  _start
_start:
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    %dl, boot_drive
        cli
        movw    $beat, 0x70 * 4
        movw    %cs, 0x70 * 4 + 2
        movb    $0x30, %al              # the timer: once more, and then never
        outb    %al, $0x43
        movb    $0xff, %al
        outb    %al, $0x40
        outb    %al, $0x40
        movw    $0x2f8a, %ax            # register A of the clock: twice a second
        call    set
        movw    $0x428b, %ax            # B: interrupt then; 24 hours, as before
        call    set
        inb     $0xa1, %al              # let the second controller pass IRQ 8
        andb    $0xfe, %al
        outb    %al, $0xa1
        inb     $0x21, %al              # and the first one pass the second's
        andb    $0xfb, %al
        outb    %al, $0x21
        call    rearm
        sti

tick:   cmpb    $0x00, computing
        jne     burn
        hlt
        jmp     obey
burn:   movb    beats, %al
again:  cmpb    %al, beats
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

work:   movw    $0x4300, %ax            # each write costs 10 ms of emulation
        movb    boot_drive, %dl
        movw    $packet, %si
        int     $0x13
        addw    $8, sector
        movw    mask, %ax
        andw    %ax, sector
        jne     tick
        movw    $8, sector              # never over the boot sector
        jmp     tick

beat:   pushw   %ax
        incb    %cs:beats
        call    rearm
        movb    $0x20, %al              # both controllers: it is done
        outb    %al, $0xa0
        outb    %al, $0x20
        popw    %ax
        iret

rearm:  movb    $0x0c, %al              # it interrupts once for each reading of register C
        outb    %al, $0x70
        inb     $0x71, %al
        ret

set:    outb    %al, $0x70              # register %al of the clock
        movb    %ah, %al
        outb    %al, $0x71
        ret

boot_drive: .byte 0
beats:      .byte 0
computing:  .byte 0
        .balign 4
mask:       .word window, 0
packet:     .byte 16, 0                 # size of this packet
            .word 8                     # sectors
            .word 0x8000, 0             # from memory, offset and segment
sector:     .word 8, 0, 0, 0            # to sector, 64 bits

        .org    510
        .word   0xaa55
