//! Paths with `*` and `?` in them, expanded in sorted order so that a configuration reads alike everywhere.

use crate::Files;

pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?'])
}

/// Every path that fits, sorted. A wildcard never crosses a `/` and never finds a hidden file.
pub(super) fn expand(pattern: &str, files: &dyn Files) -> Vec<String> {
    let mut found = vec![String::new()];
    let parts: Vec<&str> = pattern.split('/').collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        let mut next = Vec::new();
        for folder in &found {
            let prefix = if index == 0 { String::new() } else { format!("{folder}/") };
            if !is_pattern(part) {
                next.push(format!("{prefix}{part}"));
                continue;
            }
            let listed = if prefix == "/" { "/" } else { folder.as_str() };
            let mut names = files.list(listed).unwrap_or_default();
            names.retain(|name| fits(part, name) && (!name.starts_with('.') || part.starts_with('.')));
            names.sort();
            next.extend(names.into_iter().map(|name| format!("{prefix}{name}")));
        }
        found = next;
        if last {
            break;
        }
    }
    found.sort();
    found
}

fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == name[n]) {
            p += 1;
            n += 1;
        } else if let Some((star_p, star_n)) = star {
            (p, n, star) = (star_p + 1, star_n + 1, Some((star_p, star_n + 1)));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn wildcards_find_files_in_order() {
        let files = Memory::new()
            .with("/e/b.conf", "")
            .with("/e/a.conf", "")
            .with("/e/x/c.conf", "")
            .with("/e/.h.conf", "");
        assert_eq!(expand("/e/*.conf", &files), ["/e/a.conf", "/e/b.conf"]);
        assert_eq!(expand("/e/?.conf", &files), ["/e/a.conf", "/e/b.conf"]);
        assert_eq!(expand("/*/x/*", &files), ["/e/x/c.conf"]);
        assert_eq!(expand("/none/*", &files), Vec::<String>::new());
    }
}
