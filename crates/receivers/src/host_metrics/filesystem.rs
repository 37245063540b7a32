//! Room on mounted file systems.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scraper;
use super::config::{Common, Devices, Filter, FsTypes, MountPoints, Refused, Switch};
use super::host::{Host, lines};
use super::writer::{Known, Writer, off, on};
use crate::scraping::{ScrapeError, Shape};

const USAGE: Known = on(Shape::level("system.filesystem.usage", "Bytes in each state.", "By"));
const INODES: Known = on(Shape::level("system.filesystem.inodes.usage", "Inodes in each state.", "{inodes}"));
const UTILIZATION: Known =
    off(Shape::gauge("system.filesystem.utilization", "Part of the bytes that is in use.", "1"));

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Devices to tell of; all when absent.
    pub include_devices: Option<Devices>,
    /// Devices to leave out.
    pub exclude_devices: Option<Devices>,
    /// Types to tell of, such as `ext4`; all when absent.
    pub include_fs_types: Option<FsTypes>,
    /// Types to leave out.
    pub exclude_fs_types: Option<FsTypes>,
    /// Places to tell of; all when absent.
    pub include_mount_points: Option<MountPoints>,
    /// Places to leave out.
    pub exclude_mount_points: Option<MountPoints>,
    /// Also tell of those that lie on no disk, such as `tmpfs` and `overlay`.
    pub include_virtual_filesystems: bool,
    /// Metrics by name, to switch on or off.
    pub metrics: BTreeMap<String, Switch>,
}

pub struct Filesystem {
    common: Common,
    devices: Filter,
    types: Filter,
    places: Filter,
    with_virtual: bool,
}

#[derive(Debug, PartialEq)]
pub struct Mount {
    pub device: String,
    pub place: String,
    pub kind: String,
    pub mode: &'static str,
}

impl Filesystem {
    pub fn new(config: Config) -> Result<Filesystem, Refused> {
        let devices = |list: Option<Devices>| list.map(|list| (list.devices, list.match_type));
        let types = |list: Option<FsTypes>| list.map(|list| (list.fs_types, list.match_type));
        let places = |list: Option<MountPoints>| list.map(|list| (list.mount_points, list.match_type));
        Ok(Filesystem {
            common: Common { metrics: config.metrics },
            devices: Filter::new(devices(config.include_devices), devices(config.exclude_devices))?,
            types: Filter::new(types(config.include_fs_types), types(config.exclude_fs_types))?,
            places: Filter::new(places(config.include_mount_points), places(config.exclude_mount_points))?,
            with_virtual: config.include_virtual_filesystems,
        })
    }

    pub fn mounts(&self, mounts: &[u8], filesystems: &[u8]) -> Vec<Mount> {
        let on_disk: HashSet<&str> = lines(filesystems)
            .filter(|line| !line.starts_with("nodev"))
            .map(str::trim)
            .chain(["zfs"])
            .collect();
        let mut seen = HashSet::new();
        let mut found: Vec<Mount> = lines(mounts).filter_map(mount).collect();
        found.retain(|mount| {
            (self.with_virtual || on_disk.contains(mount.kind.as_str()))
                && self.devices.takes(&mount.device)
                && self.types.takes(&mount.kind)
                && self.places.takes(&mount.place)
                && seen.insert((mount.device.clone(), mount.place.clone()))
        });
        found
    }
}

impl Scraper for Filesystem {
    const NAME: &'static str = "filesystem";
    const METRICS: &'static [&'static Known] = &[&USAGE, &INODES, &UTILIZATION];

    fn common(&self) -> &Common {
        &self.common
    }

    fn scrape(&mut self, host: &Host, out: &mut Writer<'_>) -> Result<(), ScrapeError> {
        let mounts = host.read(&format!("proc/{}/mounts", host.whose))?;
        let filesystems = host.read("proc/filesystems").unwrap_or_default();
        let mut told = Vec::new();
        for mount in self.mounts(&mounts, &filesystems) {
            told.extend(Room::of(&host.path(&mount.place)).map(|room| (mount, room)));
        }
        write(&told, out);
        Ok(())
    }
}

/// In bytes and in inodes. What is `reserved` is free for the superuser alone.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    pub free: u64,
    pub reserved: u64,
    pub used: u64,
    pub inodes_free: u64,
    pub inodes_used: u64,
}

impl Room {
    fn of(path: &Path) -> Option<Room> {
        let room = rustix::fs::statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
        Some(Room {
            free: bytes(room.f_bavail),
            reserved: bytes(room.f_bfree.saturating_sub(room.f_bavail)),
            used: bytes(room.f_blocks.saturating_sub(room.f_bfree)),
            inodes_free: room.f_ffree,
            inodes_used: room.f_files.saturating_sub(room.f_ffree),
        })
    }
}

pub fn write(told: &[(Mount, Room)], out: &mut Writer<'_>) {
    type Figures = fn(&Room) -> Vec<(&'static str, u64)>;
    let bytes: Figures = |room| vec![("free", room.free), ("reserved", room.reserved), ("used", room.used)];
    let inodes: Figures = |room| vec![("free", room.inodes_free), ("used", room.inodes_used)];
    for (known, figures) in [(&USAGE, bytes), (&INODES, inodes)] {
        out.metric(known);
        for (mount, room) in told {
            for (state, count) in figures(room) {
                let [device, mode, place, kind] = mount.attributes();
                out.count(count, &[device, mode, place, ("state", state), kind]);
            }
        }
    }
    out.metric(&UTILIZATION);
    for (mount, room) in told.iter().filter(|(_, room)| room.used > 0 || room.free > 0) {
        let all = room.used as f64 + room.free as f64;
        out.number(room.used as f64 / all, &mount.attributes());
    }
}

impl Mount {
    fn attributes(&self) -> [(&str, &str); 4] {
        [("device", &self.device), ("mode", self.mode), ("mountpoint", &self.place), ("type", &self.kind)]
    }
}

fn mount(line: &str) -> Option<Mount> {
    let mut words = line.split_ascii_whitespace();
    let (device, place, kind) =
        (unescaped(words.next()?), unescaped(words.next()?), words.next()?.to_owned());
    let is_read_only = words.next()?.split(',').any(|option| option == "ro");
    Some(Mount { device, place, kind, mode: if is_read_only { "ro" } else { "rw" } })
}

/// Spaces, tabs, line ends and backslashes in names are written as a backslash and three octal digits.
fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let code =
            after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => (out.push(byte), rest = &after[3..]).1,
            None => (out.push(*first), rest = after).1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
