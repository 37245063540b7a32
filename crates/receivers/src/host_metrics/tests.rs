//! Files of a real machine, and odd ones.

use std::collections::BTreeMap;

use ::config::Setting;
use engine::outlet::Phase;
use engine::testing::{Catch, receiver, stop};
use model::Value;

use super::config::{Devices, Filter, MatchType, Switch};
use super::filesystem::{Filesystem, Mount, Room};
use super::process::{Seen, Stat};
use super::*;
use crate::scraping::shown;

macro_rules! captured {
    ($name:literal) => {
        include_bytes!(concat!("../../../../fixtures/proc/", $name)).as_slice()
    };
}

/// What comes of a scrape, with the named metrics switched on.
fn written(on: &[&str], work: impl FnOnce(&mut Writer<'_>)) -> Vec<String> {
    let switches: BTreeMap<_, _> =
        on.iter().map(|name| (name.to_string(), Switch { enabled: true })).collect();
    let mut out = Writer::new(Metrics::new("t".into(), 5), &switches);
    work(&mut out);
    shown(&out.finish().finish())
}

fn has(lines: &[String], expected: &[&str]) {
    for line in expected {
        assert!(lines.iter().any(|found| found == line), "no {line}\n{lines:#?}");
    }
}

#[test]
fn processors() {
    let mut cpu = cpu::Cpu::new(Common::default());
    let lines = written(&["system.cpu.logical.count"], |out| cpu.write(captured!("stat"), out).unwrap());
    assert_eq!(lines.len(), 17, "two of eight states each, and their number: {lines:#?}");
    has(&lines, &["system.cpu.logical.count{} 2 {cpu} sum"]);
    // A second later: 25 hundredths of a second in `user`, 75 idle.
    let (first, later) = ("cpu0 100 0 0 100 0 0 0 0 0 0\n", "cpu0 125 0 0 175 0 0 0 0 0 0\n");
    let mut cpu = cpu::Cpu::new(Common::default());
    written(&[], |out| cpu.write(first.as_bytes(), out).unwrap());
    let lines = written(&["system.cpu.utilization"], |out| cpu.write(later.as_bytes(), out).unwrap());
    has(
        &lines,
        &[
            r#"system.cpu.time{"cpu":"cpu0","state":"user"} 1.25 s counter"#,
            r#"system.cpu.time{"cpu":"cpu0","state":"steal"} 0.0 s counter"#,
            r#"system.cpu.utilization{"cpu":"cpu0","state":"user"} 0.25 1 gauge"#,
            r#"system.cpu.utilization{"cpu":"cpu0","state":"idle"} 0.75 1 gauge"#,
        ],
    );
}

#[test]
fn memory_and_load() {
    let on = ["system.memory.limit", "system.linux.memory.available", "system.memory.utilization"];
    let lines = written(&on, |out| memory::write(captured!("meminfo"), out).unwrap());
    assert_eq!(lines.len(), 14, "{lines:#?}");
    let small = b"MemTotal: 100 kB\nMemFree: 20 kB\nBuffers: 5 kB\nCached: 30 kB\nSReclaimable: 10 kB\n";
    has(
        &written(&["system.memory.utilization"], |out| memory::write(small, out).unwrap()),
        &[
            r#"system.memory.usage{"state":"cached"} 40960 By sum"#,
            r#"system.memory.usage{"state":"free"} 20480 By sum"#,
            r#"system.memory.usage{"state":"slab_reclaimable"} 10240 By sum"#,
            r#"system.memory.usage{"state":"used"} 35840 By sum"#,
            r#"system.memory.utilization{"state":"used"} 0.35 1 gauge"#,
        ],
    );
    let load = written(&[], |out| system::write_load(b"5.26 3.26 2.56 9/135 14513\n", 2, out).unwrap());
    assert_eq!(
        load,
        [
            "system.cpu.load_average.1m{} 2.63 {thread} gauge",
            "system.cpu.load_average.5m{} 1.63 {thread} gauge",
            "system.cpu.load_average.15m{} 1.28 {thread} gauge",
        ]
    );
    let uptime = written(&[], |out| system::write_uptime(b"32958.96 37125.77\n", out).unwrap());
    assert_eq!(uptime, ["system.uptime{} 32958.96 s gauge"]);
}

#[test]
fn disks_in_the_order_of_the_kernels_figures() {
    // The line of Documentation/admin-guide/iostats.rst, numbered so that each figure is its place.
    let line = b"   8       0 sda 1 2 3 4000 5 6 7 8000 9 10000 11000 12 13 14 15 16 17\n";
    let disk = disk::Disk::new(disk::Config::default()).unwrap();
    assert_eq!(
        written(&[], |out| disk.write(line, out).unwrap()),
        [
            r#"system.disk.operations{"device":"sda","direction":"read"} 1 {operations} counter"#,
            r#"system.disk.operations{"device":"sda","direction":"write"} 5 {operations} counter"#,
            r#"system.disk.merged{"device":"sda","direction":"read"} 2 {operations} counter"#,
            r#"system.disk.merged{"device":"sda","direction":"write"} 6 {operations} counter"#,
            r#"system.disk.io{"device":"sda","direction":"read"} 1536 By counter"#,
            r#"system.disk.io{"device":"sda","direction":"write"} 3584 By counter"#,
            r#"system.disk.operation_time{"device":"sda","direction":"read"} 4.0 s counter"#,
            r#"system.disk.operation_time{"device":"sda","direction":"write"} 8.0 s counter"#,
            r#"system.disk.io_time{"device":"sda"} 10.0 s counter"#,
            r#"system.disk.weighted_io_time{"device":"sda"} 11.0 s counter"#,
            r#"system.disk.pending_operations{"device":"sda"} 9 {operations} sum"#,
        ]
    );
    let exclude = Devices { devices: vec!["^(loop|zram)".into()], match_type: MatchType::Regexp };
    let config = disk::Config { exclude: Some(exclude), ..disk::Config::default() };
    let disk = disk::Disk::new(config).unwrap();
    let lines = written(&[], |out| disk.write(captured!("diskstats"), out).unwrap());
    assert!(lines.len() == 11 && lines.iter().all(|line| line.contains("vda")), "{lines:#?}");
}

#[test]
fn network() {
    let network = network::Network::new(network::Config::default()).unwrap();
    let lines = written(&[], |out| network.write(captured!("net-dev"), out).unwrap());
    assert_eq!(lines.len(), 4 * 4 * 2, "four interfaces: {lines:#?}");
    let dev = b"h |\n face |\n eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    has(
        &written(&[], |out| network.write(dev, out).unwrap()),
        &[
            r#"system.network.io{"device":"eth0","direction":"transmit"} 9 By counter"#,
            r#"system.network.packets{"device":"eth0","direction":"receive"} 2 {packets} counter"#,
            r#"system.network.errors{"device":"eth0","direction":"transmit"} 11 {errors} counter"#,
            r#"system.network.dropped{"device":"eth0","direction":"receive"} 4 {packets} counter"#,
        ],
    );
    let files = [captured!("net-tcp"), captured!("net-tcp6")];
    let lines = written(&[], |out| network::connections(&files, out));
    has(
        &lines,
        &[
            r#"system.network.connections{"protocol":"tcp","state":"LISTEN"} 1 {connections} sum"#,
            r#"system.network.connections{"protocol":"tcp","state":"TIME_WAIT"} 3 {connections} sum"#,
            r#"system.network.connections{"protocol":"tcp","state":"ESTABLISHED"} 0 {connections} sum"#,
        ],
    );
}

#[test]
fn paging_and_processes() {
    let swaps = b"Filename Type Size Used Priority\n/dev/sda2 partition 2048 512 -2\n";
    assert_eq!(
        written(&["system.paging.utilization"], |out| paging::usage(swaps, out)),
        [
            r#"system.paging.usage{"device":"/dev/sda2","state":"free"} 1572864 By sum"#,
            r#"system.paging.usage{"device":"/dev/sda2","state":"used"} 524288 By sum"#,
            r#"system.paging.utilization{"device":"/dev/sda2","state":"free"} 0.75 1 gauge"#,
            r#"system.paging.utilization{"device":"/dev/sda2","state":"used"} 0.25 1 gauge"#,
        ]
    );
    assert!(written(&[], |out| paging::usage(captured!("swaps"), out)).is_empty(), "there is none");
    has(
        &written(&[], |out| paging::operations(captured!("vmstat"), out).unwrap()),
        &[
            r#"system.paging.operations{"direction":"page_in","type":"minor"} 108677521 {operations} counter"#,
            r#"system.paging.faults{"type":"major"} 160678 {faults} counter"#,
            r#"system.paging.faults{"type":"minor"} 623552863 {faults} counter"#,
        ],
    );
    let stat = b"processes 631171\nprocs_running 7\nprocs_blocked 1\n";
    let states = ['S', 'S', 'R', 'D', 'I', 'Z'];
    assert_eq!(
        written(&[], |out| processes::write(stat, &states, out).unwrap()),
        [
            r#"system.processes.count{"status":"blocked"} 1 {processes} sum"#,
            r#"system.processes.count{"status":"idle"} 1 {processes} sum"#,
            r#"system.processes.count{"status":"running"} 7 {processes} sum"#,
            r#"system.processes.count{"status":"sleeping"} 2 {processes} sum"#,
            r#"system.processes.count{"status":"zombies"} 1 {processes} sum"#,
            "system.processes.created{} 631171 {processes} counter",
        ]
    );
}

#[test]
fn file_systems_on_disks() {
    let all = |with_virtual| {
        let config = filesystem::Config { include_virtual_filesystems: with_virtual, ..Default::default() };
        Filesystem::new(config).unwrap().mounts(captured!("mounts"), captured!("filesystems"))
    };
    let root = Mount { device: "/dev/vda".into(), place: "/".into(), kind: "ext4".into(), mode: "rw" };
    assert_eq!(all(false), [root]);
    assert_eq!(all(true).len(), 17, "two places are mounted twice");
    let mounts = b"/dev/sdb1 /mnt/my\\040disk ext4 ro,noatime 0 0\n/dev/sdc\n\\ x\n";
    let mount = Filesystem::new(Default::default()).unwrap().mounts(mounts, b"\text4\n").remove(0);
    assert_eq!((mount.place.as_str(), mount.mode), ("/mnt/my disk", "ro"));
    let room = Room { free: 60, reserved: 20, used: 20, inodes_free: 9, inodes_used: 1 };
    let attributes = r#""device":"/dev/sdb1","mode":"ro","mountpoint":"/mnt/my disk""#;
    let lines = written(&["system.filesystem.utilization"], |out| filesystem::write(&[(mount, room)], out));
    assert_eq!(lines.len(), 6);
    assert_eq!(
        lines[1],
        format!(r#"system.filesystem.usage{{{attributes},"state":"reserved","type":"ext4"}} 20 By sum"#)
    );
    assert_eq!(
        lines[5],
        format!(r#"system.filesystem.utilization{{{attributes},"type":"ext4"}} 0.25 1 gauge"#)
    );
}

#[test]
fn a_process_is_a_resource() {
    let seen = Seen {
        pid: 17038,
        stat: Stat::parse(captured!("17038/stat")).unwrap(),
        status: captured!("17038/status").to_vec(),
        io: Some(captured!("17038/io").to_vec()),
        command: process::words(captured!("17038/cmdline")),
        path: Some("/usr/bin/sleep".into()),
        files: Some(3),
    };
    let switches = BTreeMap::from([("process.threads".to_owned(), Switch { enabled: true })]);
    let mut out = Writer::new(Metrics::new("t".into(), 5), &switches);
    seen.resource(&process::users(b"root:x:0:0:root:/root:/bin/bash\n"), &mut out);
    seen.write(1_000_000_000, &mut out);
    let batch = out.finish().finish();
    let mut json = Vec::new();
    model::json::write_value(&batch.arena, Value::Map(batch.resources[0].attributes), &mut json);
    assert_eq!(
        String::from_utf8(json).unwrap(),
        concat!(
            r#"{"process.pid":17038,"process.parent_pid":17023,"process.executable.name":"sleep","#,
            r#""process.executable.path":"/usr/bin/sleep","process.command":"sleep","#,
            r#""process.command_line":"sleep 300","process.owner":"root"}"#
        )
    );
    // It started 33088.81 s after the machine.
    assert_eq!(batch.metrics[0].points[0].start, 1_000_000_000 + 33_088_810_000_000);
    has(
        &shown(&batch),
        &[
            r#"process.cpu.time{"state":"user"} 0.0 s counter"#,
            "process.memory.virtual{} 2990080 By sum",
            r#"process.disk.io{"direction":"read"} 0 By counter"#,
            "process.threads{} 1 {threads} sum",
        ],
    );
    let odd = b"7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 3 0 150 25 0 0 20 0 2 0 100 0 0";
    let stat = Stat::parse(odd).unwrap();
    assert_eq!(
        (stat.name.as_str(), stat.state, stat.user, stat.threads, stat.started),
        ("a) b (c", 'S', 150, 2, 100)
    );
}

#[test]
fn odd_content_is_refused_or_left_out() {
    let long = "cpu0 ".repeat(1000) + &"9".repeat(100);
    for bytes in [b"".as_slice(), b"\xff\xfe\n\n:", b"cpu0 x\n8 0\n: : :\n", long.as_bytes(), &[0; 100]] {
        let mut out = Writer::new(Metrics::new("t".into(), 5), const { &BTreeMap::new() });
        assert!(cpu::Cpu::new(Common::default()).write(bytes, &mut out).is_err());
        assert!(memory::write(bytes, &mut out).is_err());
        assert!(paging::operations(bytes, &mut out).is_err());
        assert!(processes::write(bytes, &[], &mut out).is_err());
        assert!(system::write_load(bytes, 1, &mut out).is_err());
        assert!(network::Network::new(Default::default()).unwrap().write(bytes, &mut out).is_err());
        let _ = disk::Disk::new(Default::default()).unwrap().write(bytes, &mut out);
        paging::usage(bytes, &mut out);
        assert!(Filesystem::new(Default::default()).unwrap().mounts(bytes, bytes).is_empty());
        assert_eq!(Stat::parse(bytes), None);
    }
    assert!(Filter::new(Some((vec!["(".into()], MatchType::Regexp)), None).is_err());
}

#[tokio::test]
async fn the_machine_it_runs_on_is_told() {
    let names = ["cpu", "memory", "load", "network", "process", "processes", "paging", "system"];
    let mut scrapers = Setting::map();
    names.iter().for_each(|name| scrapers.set(*name, Setting::map()));
    let settings = Setting::map().with("scrapers", scrapers).with("initial_delay", "0s");
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let running = tokio::spawn(receiver::<HostMetrics>(settings).unwrap().run(catch.outlet(), stop));
    let batches = catch.records(60).await;
    phase.send_replace(Phase::Draining);
    running.await.unwrap().unwrap();
    let lines: Vec<String> = batches.iter().flat_map(shown).collect();
    for name in ["system.cpu.time", "system.memory.usage", "system.network.io", "process.cpu.time"] {
        assert!(lines.iter().any(|line| line.starts_with(name)), "{name}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let cpu = || Setting::map().with("cpu", Setting::map());
    let metric = |name: &str, enabled: bool| {
        let switch = Setting::map().with(name, Setting::map().with("enabled", enabled));
        Setting::map().with("cpu", Setting::map().with("metrics", switch))
    };
    for (scrapers, expected) in [
        (Setting::map(), "at least one scraper"),
        (cpu().with("nfs", Setting::map()), "nfs"),
        (metric("system.cpu.utilisation", true), "did you mean `system.cpu.utilization`?"),
    ] {
        let error =
            receiver::<HostMetrics>(Setting::map().with("scrapers", scrapers)).err().unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    }
    let unknown_and_off = Setting::map().with("scrapers", metric("system.cpu.other", false));
    assert!(receiver::<HostMetrics>(unknown_and_off).is_ok());
    let zero = Setting::map().with("scrapers", cpu()).with("collection_interval", "0s");
    assert!(receiver::<HostMetrics>(zero).is_err());
}
