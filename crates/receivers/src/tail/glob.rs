//! Finds files by pattern: `*`, `?` and `[abc]` within one part of a path, as the shell reads them, and `**` for any
//! number of folders.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The files that exist now and fit, sorted. A folder that cannot be read holds none.
pub(super) fn files(pattern: &str) -> Vec<PathBuf> {
    let start = if pattern.starts_with('/') { "/" } else { "" };
    let mut found = vec![PathBuf::from(start)];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = found.into_iter().flat_map(|folder| step(&folder, part)).collect();
    }
    found.retain(|path| path.is_file());
    found.sort();
    found.dedup();
    found
}

/// How deep `**` looks.
const MAX_DEPTH: usize = 16;

/// A folder and those in it. Links are not followed, as they may lead in a circle.
fn folders(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    found.push(folder.to_owned());
    let folder_to_read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder_to_read) else { return };
    for entry in entries.filter_map(|entry| entry.ok()) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth < MAX_DEPTH && !entry.file_name().as_bytes().starts_with(b".") {
            folders(&folder.join(entry.file_name()), depth + 1, found);
        }
    }
}

fn step(folder: &Path, part: &str) -> Vec<PathBuf> {
    if part == "**" {
        let mut found = Vec::new();
        folders(folder, 0, &mut found);
        return found;
    }
    if !part.contains(['*', '?', '[']) {
        return vec![folder.join(part)];
    }
    let folder_to_read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder_to_read) else { return Vec::new() };
    let fits = |name: &[u8]| {
        // As in the shell, hidden files have to be asked for.
        (!name.starts_with(b".") || part.starts_with('.')) && matches(part.as_bytes(), name)
    };
    entries
        .filter_map(|entry| entry.ok())
        .map(|entry| entry.file_name())
        .filter(|name| fits(name.as_bytes()))
        .map(|name| folder.join(name))
        .collect()
}

/// Whether a whole path fits; here `*` does not stop at a slash, so that one pattern can exclude a folder.
pub(super) fn path_matches(pattern: &str, path: &Path) -> bool {
    matches(pattern.as_bytes(), path.as_os_str().as_bytes())
}

/// Whether a path is one that [`files`] would find.
pub(super) fn fits(pattern: &str, path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    let parts = |text| <[u8]>::split(text, |byte| *byte == b'/').filter(|part: &&[u8]| !part.is_empty());
    let (pattern, path): (Vec<_>, Vec<_>) = (parts(pattern.as_bytes()).collect(), parts(path).collect());
    parts_fit(&pattern, &path)
}

fn parts_fit(pattern: &[&[u8]], path: &[&[u8]]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((part, rest)), _) if *part == b"**" => {
            (0..=path.len()).any(|skipped| parts_fit(rest, &path[skipped..]))
        }
        (Some((part, rest)), Some((name, inner))) => matches(part, name) && parts_fit(rest, inner),
        _ => false,
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go back to: behind the last star, one byte further in the text.
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if let Some(next) = one(pattern, p, text[t]) {
            p = next;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            (p, t) = (star_p + 1, star_t + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Where the pattern goes on when its part at `p` takes this byte.
fn one(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => set(pattern, p, byte),
        literal => (literal == byte).then_some(p + 1),
    }
}

fn set(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    let Some(len) = pattern[p + 1..].iter().skip(1).position(|b| *b == b']') else {
        return (byte == b'[').then_some(p + 1);
    };
    let inside = &pattern[p + 1..p + 2 + len];
    let (negated, inside) = match inside {
        [b'!' | b'^', rest @ ..] if !rest.is_empty() => (true, rest),
        _ => (false, inside),
    };
    let mut at = 0;
    let mut found = false;
    while at < inside.len() {
        if let [low, b'-', high, ..] = inside[at..] {
            found |= (low..=high).contains(&byte);
            at += 3;
        } else {
            found |= inside[at] == byte;
            at += 1;
        }
    }
    (found != negated).then_some(p + len + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, text, expected) in [
            ("*.log", "app.log", true),
            ("*.log", "app.log.1", false),
            ("app?.log", "app1.log", true),
            ("app[0-9].log", "app7.log", true),
            ("app[0-9].log", "appx.log", false),
            ("app[!0-9].log", "appx.log", true),
            ("[abc]*", "cat", true),
            ("a[b", "a[b", true),
            ("*a*b*", "xxaxxbxx", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_star_stops_at_a_slash() {
        for (pattern, path, expected) in [
            ("/var/log/*.log", "/var/log/a.log", true),
            ("/var/log/*.log", "/var/log/b/a.log", false),
            ("/var/log/**/*.log", "/var/log/b/c/a.log", true),
            ("/var/log/**/*.log", "/var/log/a.log", true),
            ("/var/log/pods/*/agent/*.log", "/var/log/pods/x/agent/0.log", true),
            ("/var/log/pods/*/agent/*.log", "/var/log/pods/x/app/0.log", false),
        ] {
            assert_eq!(fits(pattern, Path::new(path)), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn files_are_found_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/1.log", "a/2.log", "a/3.txt", "b/1.log", "b/.hidden.log"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let pattern = folder.path().join("*/*.log");
        let found = files(pattern.to_str().unwrap());
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, ["a/1.log", "a/2.log", "b/1.log"].map(Path::new));
        assert!(files("/nowhere/*.log").is_empty());
        let deep = folder.path().join("**/*.log");
        assert_eq!(files(deep.to_str().unwrap()), found, "folders of any depth, none of them twice");
    }
}
