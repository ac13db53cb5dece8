"""Mapping packs: the shipped ones are sound, a site's own come first, defects give one line."""

import re
from pathlib import Path

import pytest

from kgraph.schema import ConfigurationError, Direction
from kgraph.signals import Alert, Mapping, Packs, lint, load_packs
from kgraph.signals.packs import UNMAPPED, parse


def alert(name: str, summary: str = "", **labels: str) -> Alert:
    return Alert({"alertname": name, **labels}, {"summary": summary} if summary else {})


def site(folder: Path, text: str, name: str = "site.yaml") -> Packs:
    (folder / name).write_text(f"format: kgraph.mapping/v1\n{text}", "utf-8")
    return load_packs([folder])


def test_patterns_are_not_held_against_whatever_length_somebody_writes(tmp_path: Path) -> None:
    """Some take the square of it: one name of a megabyte would hold up the watch for an hour."""
    found = site(
        tmp_path,
        "entries:\n  - {alert: 'Link\\w*Down', signal: down}\n"
        "  - {alert: Line, text: 'went down', signal: down}\n"
        "  - {alert: Place, where: {at: 'x+'}, signal: down}\n",
    )
    for short, long in (
        (alert(f"Link{'x' * 200}Down"), alert(f"Link{'x' * 300}Down")),
        (alert("Line", f"{'x' * 4_000} went down"), alert("Line", f"{'x' * 5_000} went down")),
        (alert("Place", at="x" * 4_000), alert("Place", at="x" * 5_000)),
    ):
        assert found.match(short).signal == "down"
        assert found.match(long) is UNMAPPED


@pytest.fixture(scope="module")
def shipped() -> Packs:
    return load_packs()


def test_the_shipped_packs_are_clean(shipped: Packs) -> None:
    assert lint(shipped.entries) == []


@pytest.mark.parametrize(
    ("name", "kind", "signal", "direction"),
    [
        ("GuestDown", "VirtualMachine", "down", None),
        ("GuestPaused", "VirtualMachine", "paused", None),
        ("HypervisorDown", "Host", "unreachable", None),
        ("StoragePoolFull", "StoragePool", "full", None),
        ("LibvirtDomainCrashed", "VirtualMachine", "panic", None),
        ("NodeFilesystemAlmostOutOfSpace", "StoragePool", "full", None),
        ("NodeFilesystemSpaceFillingUp", "StoragePool", "filling", None),
        ("KubePersistentVolumeFillingUp", "Volume", "full", None),
        ("KubeHpaMaxedOut", "Service", "saturation", Direction.UP),
        ("NodeCPUHighUsage", "Host", "cpu", Direction.UP),
        ("HostCpuStealNoisyNeighbor", "VirtualMachine", "starved", None),
        ("NodeCPUStealHigh", "VirtualMachine", "starved", None),
        ("BGPSessionDown", "Router", "anomaly", None),
        ("OspfNeighborLost", "Router", "anomaly", None),
        ("VPNTunnelDown", "Router", "anomaly", None),
        ("BGPSessionFlapping", "Router", "lossy", None),
        ("OspfNeighborFlapping", "Router", "lossy", None),
        ("NodeHighNumberConntrackEntriesUsed", "Router", "lossy", None),
        ("NodeClockNotSynchronising", "Host", "clock_off", None),
        ("HostClockSkew", "Host", "clock_off", None),
        ("ChronyNotSynchronised", "Host", "clock_off", None),
        ("ClockSkewDetected", "Host", "clock_off", None),
        ("KubeNodeNotReady", "Host", "down", None),
        ("KubeDeploymentReplicasMismatch", "Application", "availability", Direction.DOWN),
        ("HaproxyBackendDown", "Service", "down", None),
        ("BlackboxProbeHttpFailure", "Endpoint", "errors", Direction.UP),
        ("ServiceLatencyHigh", "Service", "latency", Direction.UP),
        ("TargetDown", "Probe", "unreachable", None),
        ("PostgresqlDown", "Database", "down", None),
        ("RabbitmqNodeDown", "Queue", "down", None),
        ("NginxHighHttp5xxErrorRate", "LoadBalancer", "errors", Direction.UP),
        ("CephOSDDown", "Disk", "down", None),
        ("CertificateExpiry", "ConfigItem", "anomaly", None),
        ("BlackboxSslCertificateWillExpireSoon", "ConfigItem", "anomaly", None),
        ("BlackboxSslCertificateExpired", "ConfigItem", "expired", None),
        ("CertManagerCertNotReady", "ConfigItem", "anomaly", None),
        ("ZfsPoolDegraded", "StoragePool", "degraded", None),
        ("SnmpTargetDown", "Switch", "unreachable", None),
        ("SwitchInterfaceDown", "Nic", "down", None),
        ("IpmiPowerSupplyFailure", "Host", "degraded", None),
        ("HostSwapIsFillingUp", "Host", "memory", Direction.UP),
        ("HostDiskWillFillIn24Hours", "StoragePool", "filling", None),
        ("KubeContainerOOMKilled", "Pod", "killed", None),
        ("KubernetesContainerOomKiller", "Pod", "killed", None),
        ("KubePodEvicted", "Pod", "evicted", None),
        ("KubernetesPodCrashLooping", "Pod", "down", None),
        ("KubernetesNodeNotReady", "Host", "down", None),
        ("KubernetesNodeDiskPressure", "Host", "filling", None),
        ("KubernetesNodeMemoryPressure", "Host", "memory", Direction.UP),
        ("KubernetesVolumeFullInFourDays", "Volume", "filling", None),
        ("KubernetesVolumeOutOfDiskSpace", "Volume", "full", None),
        ("KubernetesPersistentvolumeError", "Volume", "ioError", None),
        ("KubernetesDeploymentReplicasMismatch", "Application", "availability", Direction.DOWN),
        ("KubernetesHpaScaleMaximum", "Service", "saturation", Direction.UP),
        ("KubeletTooManyPods", "Host", "saturation", Direction.UP),
        ("etcdHighFsyncDurations", "Database", "latency", Direction.UP),
        ("etcdInsufficientMembers", "Database", "down", None),
        ("MysqlSlaveIoThreadNotRunning", "Database", "anomaly", None),
        ("ElasticsearchClusterRed", "Database", "errors", Direction.UP),
        ("RabbitmqTooManyConnections", "Queue", "saturation", Direction.UP),
        ("RabbitmqOutOfMemory", "Queue", "memory", Direction.UP),
        ("HAProxyBackendDown", "Service", "down", None),
        ("HAProxyServerDown", "ServiceInstance", "down", None),
        ("HAProxyDown", "LoadBalancer", "down", None),
        ("CoreDNSDown", "Service", "down", None),
        ("DHCPServerDown", "Service", "down", None),
        ("NovaComputeDown", "ServiceInstance", "down", None),
        ("SmartMediaErrors", "Disk", "wearing", None),
        ("DiskFailurePredicted", "Disk", "wearing", None),
        ("SmartDeviceTemperatureWarning", "Host", "degraded", None),
        ("RaidBatteryFailed", "StorageController", "degraded", None),
        ("CpuThermalThrottling", "Host", "degraded", None),
        ("PduOverload", "PowerFeed", "overloaded", None),
        ("UPSOnBattery", "PowerFeed", "on_battery", None),
        ("UpsInputVoltageLow", "PowerFeed", "on_battery", None),
        ("UPSBatteryNeedsReplacement", "PowerFeed", "anomaly", None),
        ("BondSlaveDown", "Bond", "degraded", None),
        ("SwitchPortFlapping", "SwitchPort", "flapping", None),
        ("IfInErrors", "SwitchPort", "errors", Direction.UP),
        ("HostCpuHighIowait", "Host", "disk", Direction.UP),
        ("HostSoftwareRaidDiskFailure", "Disk", "failed", None),
        ("BlackboxSlowProbe", "Endpoint", "latency", Direction.UP),
        ("CheckoutErrorBudgetBurn", "Service", "errors", Direction.UP),
        ("CheckoutLatencyErrorBudgetBurn", "Service", "latency", Direction.UP),
        ("BreakerTripped", "PowerFeed", "tripped", None),
        ("ElasticsearchCircuitBreakerTripped", "Database", "anomaly", None),
        ("NodeNetworkReceiveErrs", "Nic", "lossy", None),
        ("CephNodeNetworkPacketErrors", "Nic", "lossy", None),
        ("CephNodeNetworkPacketDrops", "Nic", "anomaly", None),
        ("HostUnusualNetworkThroughputOut", "Nic", "network", Direction.UP),
        ("HaClusterCorosyncRingErrors", "Router", "anomaly", None),
        ("VaultSealed", "Service", "errors", Direction.UP),
        ("CoreDNSLatencyHigh", "Service", "latency", Direction.UP),
        ("ConsulAgentUnhealthy", "Service", "anomaly", None),
        ("OVNControllerDown", "ServiceInstance", "down", None),
        ("PuppetAgentDown", "ServiceInstance", "down", None),
        ("DatastoreUsageHigh", "StoragePool", "filling", None),
        ("ThinPoolMetadataFull", "StoragePool", "full", None),
        ("DatastoreInaccessible", "StoragePool", "offline", None),
        ("VolumeLatencyHigh", "StoragePool", "latency", Direction.UP),
        ("HostEDACUncorrectableErrorsDetected", "Host", "degraded", None),
        ("PSUFailure", "Host", "degraded", None),
        ("KubePdbNotEnoughHealthyPods", "Application", "availability", Direction.DOWN),
    ],
)
def test_the_usual_rules_are_known(
    shipped: Packs, name: str, kind: str, signal: str, direction: Direction | None
) -> None:
    entry = shipped.match(alert(name))
    assert (entry.kinds[0], entry.signal, entry.direction) == (kind, signal, direction)


@pytest.mark.parametrize("name", ["ServiceErrors", "ServiceLatencyHigh", "ServiceDown"])
def test_what_is_called_may_be_an_address_of_others(shipped: Packs, name: str) -> None:
    assert "Endpoint" in shipped.match(alert(name)).kinds


def test_memory_that_fills_up_is_no_file_system(shipped: Packs) -> None:
    assert shipped.match(alert("JvmMemoryFillingUp")).signal == "memory"


def test_a_path_is_down_only_where_the_alert_says_which(shipped: Packs) -> None:
    assert shipped.match(alert("MultipathPathDown", path="8:0:0:1")).signal == "down"
    assert shipped.match(alert("MultipathPathDown", instance="h1")).signal == "anomaly"


def test_disks_that_are_busy_are_named_where_the_alert_says_which(shipped: Packs) -> None:
    told = shipped.match(alert("NodeDiskIOSaturation", device="md0", instance="h1"))
    assert told.kinds[:2] == ("Disk", "StoragePool")
    assert told.signal == "disk"
    assert shipped.match(alert("NodeDiskIOSaturation", instance="h1")).kinds[0] == "Host"


@pytest.mark.parametrize("name", ["BgpDaemonDown", "VPNServiceDown", "OspfExporterDown"])
def test_what_speaks_with_neighbours_may_be_down_itself(shipped: Packs, name: str) -> None:
    assert shipped.match(alert(name)).signal == "down"


@pytest.mark.parametrize(
    ("name", "signal"),
    [("CephOSDDown", "down"), ("CephDaemonSlowOps", "latency"), ("CephOSDFlapping", "anomaly")],
)
def test_what_is_said_of_one_daemon_of_ceph_is_asked_of_it_first(
    shipped: Packs, name: str, signal: str
) -> None:
    entry = shipped.match(alert(name, ceph_daemon="osd.3"))
    assert (entry.kinds[:2], entry.signal) == (("Disk", "ServiceInstance"), signal)
    assert entry.name[0] == "ceph_daemon"


@pytest.mark.parametrize("name", ["Host is down", "host_down", "host-is-down", "HostDown"])
def test_a_name_may_be_written_as_words(shipped: Packs, name: str) -> None:
    assert shipped.match(alert(name)) is shipped.match(alert("HostDown"))


def test_a_volume_that_will_be_full_is_not_full_yet(shipped: Packs) -> None:
    known = shipped.match(alert("KubePersistentVolumeFillingUp", severity="warning"))
    assert (known.kinds[0], known.signal) == ("Volume", "filling")


@pytest.mark.parametrize(
    ("name", "label", "value", "signal"),
    [
        ("KubeNodePressure", "condition", "DiskPressure", "filling"),
        ("KubeNodePressure", "condition", "MemoryPressure", "memory"),
        ("KubeNodeEviction", "eviction_signal", "nodefs.available", "filling"),
        ("KubeNodeEviction", "eviction_signal", "memory.available", "memory"),
    ],
)
def test_a_label_says_what_a_node_is_short_of(
    shipped: Packs, name: str, label: str, value: str, signal: str
) -> None:
    assert shipped.match(alert(name, **{label: value})).signal == signal


@pytest.mark.parametrize(
    "name", ["LoadBalancerUnhealthy", "PortalDown", "LinkerdProxyDown", "NovaServerDown"]
)
def test_a_word_in_a_name_is_a_whole_word(shipped: Packs, name: str) -> None:
    """A balancer has no load, a portal is no port, and a server of Nova is no agent."""
    entry = shipped.match(alert(name))
    assert (entry.kinds, entry.signal == "cpu") == ((), False)


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("DiskFullPredicted", "full"),
        ("DiskWillFillPredicted", "filling"),
        ("NvmeExporterDown", "down"),
        ("NVMeTargetOffline", "down"),
        ("NeutronRouterDown", "down"),
        ("NeutronNetworkDown", "down"),
        ("OctaviaLoadBalancerDown", "down"),
        ("IronicNodeDown", "down"),
    ],
)
def test_what_somebody_looks_after_is_not_who_does(shipped: Packs, name: str, signal: str) -> None:
    """A disk without room wears no more than others, and a router is no agent of Neutron."""
    entry = shipped.match(alert(name))
    assert entry.signal == signal
    assert not {"Disk", "Application"} & set(entry.kinds)


@pytest.mark.parametrize("name", ["SmartProxyErrors", "SmartSearchLatencyHigh"])
def test_not_all_that_is_smart_is_a_disk(shipped: Packs, name: str) -> None:
    assert shipped.match(alert(name)).signal != "wearing"


@pytest.mark.parametrize("name", ["UserInterfaceErrors", "WebInterfaceErrors"])
def test_an_interface_for_people_is_no_port(shipped: Packs, name: str) -> None:
    assert shipped.match(alert(name)).kinds[0] == "Service"


@pytest.mark.parametrize(
    "name",
    ["Watchdog", "InfoInhibitor", "KubeCPUOvercommit", "KubeJobFailed", "KubeQuotaExceeded"],
)
def test_alerts_that_always_fire_are_ignored(shipped: Packs, name: str) -> None:
    assert shipped.match(alert(name)).ignore


@pytest.mark.parametrize("name", ["GuestDown", "Whatever", ""])
def test_severity_none_is_ignored_whatever_the_name_says(shipped: Packs, name: str) -> None:
    assert shipped.match(alert(name, severity="none")).ignore
    assert not shipped.match(alert(name, severity="critical")).ignore


def test_an_alert_that_no_entry_knows_is_an_anomaly(shipped: Packs) -> None:
    entry = shipped.match(alert("QuuxFrobnicated"))
    assert entry is UNMAPPED
    assert entry.signal == "anomaly"


def test_a_pattern_for_a_name_speaks_of_the_whole_name(shipped: Packs) -> None:
    assert shipped.match(alert("GuestDowngraded")).place != shipped.match(alert("GuestDown")).place


def test_free_text_decides_where_the_name_says_nothing(shipped: Packs) -> None:
    entry = shipped.match(alert("Custom7", "Interface eth0 down on h1"))
    assert (entry.kinds[0], entry.signal) == ("Nic", "down")
    assert shipped.match(alert("Custom7", "all is well")) is UNMAPPED


def test_a_site_folder_overrides_a_shipped_pack(tmp_path: Path) -> None:
    packs = site(tmp_path, "entries: [{alert: GuestDown, kind: Service, signal: errors}]")
    assert packs.match(alert("GuestDown")).signal == "errors"
    assert packs.match(alert("GuestPaused")).signal == "paused"


def test_a_site_can_take_severity_none_as_evidence(tmp_path: Path) -> None:
    packs = site(tmp_path, "entries: [{alert: Mine, where: {severity: none}, signal: down}]")
    assert not packs.match(alert("Mine", severity="none")).ignore


def test_the_files_of_a_folder_are_tried_by_name(tmp_path: Path) -> None:
    site(tmp_path, "entries: [{alert: X, signal: full}]", "20.yaml")
    packs = site(tmp_path, "entries: [{alert: X, signal: hung}]", "10.yaml")
    assert packs.match(alert("X")).signal == "hung"


def test_labels_choose_between_entries_of_one_name(tmp_path: Path) -> None:
    packs = site(
        tmp_path,
        "entries:\n - {alert: X, where: {mode: a|b}, signal: full}\n - {alert: X, signal: hung}",
    )
    assert packs.match(alert("X", mode="b")).signal == "full"
    assert packs.match(alert("X", mode="bb")).signal == "hung"
    assert packs.match(alert("X")).signal == "hung"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("entries: [{alert: '(', signal: down}]", "entries[0]: faulty pattern '('"),
        ("entries: [{where: {a: '['}}]", "entries[0]: faulty pattern '['"),
        ("entries: [{text: '*'}]", "entries[0]: faulty pattern '*'"),
        ("entries: [{alert: X}, {kind: Hots}]", "entries[1]: unknown kind 'Hots'; did you mean"),
        ("entries: [{alert: X", "site.yaml:2: not YAML: expected"),
        ("entries: [{alert: X, since: 2026-99-99}]", "month must be in 1..12"),
        ("entries: [{alert: X, colour: red}]", "known keys: alert, caller, direction"),
        ("entries: [{direction: sideways}]", "entries[0].direction"),
        ('entries: [{"a\\nb": red}]', r"entries[0].a\nb: is not known here"),
        ("entries: []", "entries: must have at least 1 of them"),
        ("", "entries: is missing"),
        ("entries: " + "[" * 600, "recursion"),
    ],
)
def test_a_defect_gives_one_line_that_says_where(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        site(tmp_path, text)
    assert told in str(caught.value)
    assert "site.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "just text", "[1, 2]", "format: kgraph.mapping/v2"])
def test_another_format_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"kgraph\.mapping/v1"):
        list(parse(text, "site.yaml"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"site\.yaml: can't be read: not UTF-8"):
        load_packs([tmp_path])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        load_packs([tmp_path / "nowhere"])


def test_yaml_never_makes_objects(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="could not determine a constructor"):
        site(tmp_path, "entries: [!!python/object/apply:os.getcwd []]")


@pytest.mark.parametrize(
    "name",
    [
        *("SSLCertExpiringSoon", "CertManagerCertNotReady", "ssl_cert_invalid", "CACertExpiring"),
        *("HTTPSCertExpiring", "MTLS_EXPIRING", "KubeletClientCertificateRenewalErrors"),
    ],
)
def test_a_certificate_that_runs_out_is_known_by_a_word_of_the_name(
    shipped: Packs, name: str
) -> None:
    mapping = shipped.match(alert(name))
    assert (mapping.kinds[0], mapping.signal) == ("ConfigItem", "anomaly")


@pytest.mark.parametrize(
    "name", ["BlackboxSslCertificateExpired", "TLSCertificateExpired", "ssl_cert_expired"]
)
def test_a_certificate_that_has_run_out_is_known_by_a_word_of_the_name(
    shipped: Packs, name: str
) -> None:
    mapping = shipped.match(alert(name))
    assert (mapping.kinds[0], mapping.signal) == ("ConfigItem", "expired")


@pytest.mark.parametrize(
    "name",
    [
        *("WirelessLicenseExpired", "ProcessLeaseExpired", "CrossLinkInvalid"),
        *("CROSSLINK_INVALID", "CertainLeaseExpired", "ConcertTicketInvalid", "AccessSlotExpired"),
    ],
)
def test_letters_inside_a_word_are_no_certificate(shipped: Packs, name: str) -> None:
    assert "ConfigItem" not in shipped.match(alert(name)).kinds


def test_the_linter_finds_an_entry_that_can_never_match() -> None:
    twice = parse(
        "format: kgraph.mapping/v1\nentries: [{alert: X, signal: down}, {alert: X}]", "site.yaml"
    )
    assert lint(twice) == [
        "site.yaml: entries[1]: can never match: site.yaml: entries[0] comes first; delete one"
    ]


def test_an_entry_of_the_site_in_the_place_of_a_shipped_one_is_no_mistake(tmp_path: Path) -> None:
    packs = site(tmp_path, "entries: [{alert: GuestDown, kind: VirtualMachine, signal: down}]")
    assert lint(packs.entries) == []


def test_the_linter_lets_a_text_be_a_filter_where_labels_name() -> None:
    text = re.compile("(a|b)")
    assert lint([Mapping(re.compile("X"), name=("device",), text=text)]) == []


def test_the_linter_finds_a_text_that_names_nobody() -> None:
    unnamed = Mapping(
        re.compile("X"), text=re.compile(r"pool (\S+)"), place="site.yaml: entries[0]"
    )
    (found,) = lint([unnamed])
    assert found.startswith("site.yaml: entries[0]: no group of its text is called `name`; write")
    named = Mapping(re.compile("X"), text=re.compile(r"(a|the) pool (?P<name>\S+)"))
    asked = Mapping(re.compile("X"), text=re.compile("pool"))
    assert lint([named]) == lint([asked]) == []


def test_the_linter_finds_a_signal_that_nobody_published() -> None:
    odd = Mapping(re.compile("X"), signal="frobnicated", place="site.yaml: entries[0]")
    assert lint([odd]) == [
        "site.yaml: entries[0]: signal 'frobnicated' is not published; use `anomaly`"
    ]


def test_a_failure_mode_of_the_kind_is_a_signal() -> None:
    assert lint([Mapping(re.compile("X"), kinds=("Nic",), signal="flapping")]) == []


def test_a_drill_is_passed_over_whatever_the_sites_own_mapping_says(tmp_path: Path) -> None:
    packs = site(tmp_path, "entries:\n  - {alert: '.*', signal: down, kind: Host}\n")
    assert packs.match(alert("X")).signal == "down"
    assert "drill" in packs.match(alert("X", kgraph_drill="1")).ignore
