//! Reads what a client says of itself: the name and version of the program and of its operating system.
//!
//! A table of a few dozen programs in place of the Collector's thousand expressions. Names are those that its
//! converter yields ("Chrome Mobile", "Mac OS X"), and a version has at most three numbers. Known limits: browsers built on
//! Chromium that are not in the table read as Chrome, devices are not told, and a program that is in no table
//! and does not lead with `name/version` is "Other".

use model::List;

use super::parsing::put_text;
use crate::fault::RunError;
use crate::function::Args;
use crate::target::Target;
use crate::value::Val;

pub fn user_agent(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let span = args.string(0, t)?;
    let text = t.text(span).into_owned();
    let (name, version) = program(&text);
    let (os, os_version) = system(&text);
    let mut map = List::EMPTY;
    put_text(t, &mut map, "user_agent.name", &name)?;
    put_text(t, &mut map, "user_agent.original", &text)?;
    put_text(t, &mut map, "user_agent.version", &version)?;
    put_text(t, &mut map, "os.name", os)?;
    if !os_version.is_empty() {
        put_text(t, &mut map, "os.version", &os_version)?;
    }
    Ok(Val::Map(map))
}

/// Robots and checks, which often name a browser too: a word of theirs, and their name.
const ROBOTS: &[(&str, &str)] = &[
    ("AdsBot-Google", "AdsBot-Google"),
    ("Googlebot-Image", "Googlebot-Image"),
    ("Googlebot", "Googlebot"),
    ("bingbot", "bingbot"),
    ("YandexBot", "YandexBot"),
    ("Baiduspider", "Baiduspider"),
    ("DuckDuckBot", "DuckDuckBot"),
    ("Applebot", "Applebot"),
    ("AhrefsBot", "AhrefsBot"),
    ("SemrushBot", "SemrushBot"),
    ("MJ12bot", "MJ12bot"),
    ("PetalBot", "PetalBot"),
    ("GPTBot", "GPTBot"),
    ("ClaudeBot", "ClaudeBot"),
    ("CCBot", "CCBot"),
    ("Amazonbot", "Amazonbot"),
    ("Bytespider", "Bytespider"),
    ("Slackbot", "Slackbot"),
    ("Twitterbot", "Twitterbot"),
    ("LinkedInBot", "LinkedInBot"),
    ("Discordbot", "Discordbot"),
    ("facebookexternalhit", "FacebookBot"),
    ("UptimeRobot", "UptimeRobot"),
    ("Pingdom.com_bot", "PingdomBot"),
    ("HeadlessChrome", "HeadlessChrome"),
];

/// Browsers: what stands before their version, and the name on computers and on telephones. Those that also name
/// the browser they are built on come before it.
const BROWSERS: &[(&str, &str, &str)] = &[
    ("EdgiOS/", "Edge Mobile", "Edge Mobile"),
    ("EdgA/", "Edge Mobile", "Edge Mobile"),
    ("Edg/", "Edge", "Edge Mobile"),
    ("Edge/", "Edge", "Edge Mobile"),
    ("OPiOS/", "Opera Mini", "Opera Mini"),
    ("Opera Mini/", "Opera Mini", "Opera Mini"),
    ("OPR/", "Opera", "Opera Mobile"),
    ("SamsungBrowser/", "Samsung Internet", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser", "Yandex Browser"),
    ("Vivaldi/", "Vivaldi", "Vivaldi"),
    ("UCBrowser/", "UC Browser", "UC Browser"),
    ("Electron/", "Electron", "Electron"),
    ("FxiOS/", "Firefox iOS", "Firefox iOS"),
    ("CriOS/", "Chrome Mobile iOS", "Chrome Mobile iOS"),
    ("GSA/", "Google", "Google"),
    ("Firefox/", "Firefox", "Firefox Mobile"),
    ("Chromium/", "Chromium", "Chromium"),
    ("Chrome/", "Chrome", "Chrome Mobile"),
    ("MSIE ", "IE", "IE Mobile"),
];

/// Libraries and tools that the Collector's converter calls by another name than they do.
const TOOLS: &[(&str, &str)] = &[
    ("python-requests", "Python Requests"),
    ("Apache-HttpClient", "Apache-HttpClient"),
    ("Go-http-client", "Go-http-client"),
];

fn program(text: &str) -> (String, String) {
    let named = |name: &str, version: String| (name.to_owned(), version);
    for (word, name) in ROBOTS {
        if let Some(at) = text.find(word) {
            let behind = &text[at + word.len()..];
            return named(name, behind.strip_prefix(['/', '_']).map(version).unwrap_or_default());
        }
    }
    let mobile = text.contains("Mobile") || text.contains("Tablet");
    for (mark, computer, telephone) in BROWSERS {
        if let Some(at) = text.find(mark) {
            let version = version(&text[at + mark.len()..]);
            let name = match *mark {
                "Chrome/" if text.contains("; wv)") => "Chrome Mobile WebView",
                _ if mobile => telephone,
                _ => computer,
            };
            return named(name, version);
        }
    }
    if let Some((_, behind)) = text.split_once("Trident/") {
        let version = behind.split_once("rv:").map(|(_, behind)| version(behind));
        return named("IE", version.unwrap_or_default());
    }
    let telephone = ["iPhone", "iPad", "iPod"].iter().any(|device| text.contains(device));
    if let Some((_, behind)) = text.split_once("Version/").filter(|_| text.contains("Safari/")) {
        return named(if telephone { "Mobile Safari" } else { "Safari" }, version(behind));
    }
    if telephone && text.contains("AppleWebKit/") {
        return named("Mobile Safari UI/WKWebView", String::new());
    }
    leading(text).unwrap_or_else(|| named("Other", String::new()))
}

/// `name/version` at the start, as libraries and tools have it.
fn leading(text: &str) -> Option<(String, String)> {
    let (name, behind) = text.split_once('/')?;
    let fits = |letter: char| letter.is_alphanumeric() || "-_. ".contains(letter);
    if name.is_empty() || name.len() > 64 || name == "Mozilla" || !name.chars().all(fits) {
        return None;
    }
    let name = TOOLS.iter().find(|(tool, _)| *tool == name).map_or(name, |(_, name)| name);
    Some((name.to_owned(), version(behind.strip_prefix('v').unwrap_or(behind))))
}

/// Up to three numbers with dots, or low lines as Apple writes them.
fn version(text: &str) -> String {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '_');
    let numbers = text[..end.unwrap_or(text.len())].split(['.', '_']);
    let numbers: Vec<&str> = numbers.take(3).take_while(|number| !number.is_empty()).collect();
    numbers.join(".")
}

/// What Windows calls its releases, by the number in the text.
const WINDOWS: &[(&str, &str)] = &[
    ("10.0", "10"),
    ("6.3", "8.1"),
    ("6.2", "8"),
    ("6.1", "7"),
    ("6.0", "Vista"),
    ("5.2", "XP"),
    ("5.1", "XP"),
    ("5.0", "2000"),
];

fn system(text: &str) -> (&'static str, String) {
    let behind = |mark: &str| text.split_once(mark).map(|(_, behind)| behind);
    if let Some(behind) = behind("Windows NT ") {
        let number = version(behind);
        let release = WINDOWS.iter().find(|(known, _)| *known == number).map_or("NT", |(_, name)| name);
        return ("Windows", release.to_owned());
    }
    if let Some(behind) = behind("Android") {
        return ("Android", version(behind.trim_start_matches([' ', '/'])));
    }
    for mark in ["iPhone OS ", "CPU OS "] {
        if let Some(behind) = behind(mark) {
            return ("iOS", version(behind));
        }
    }
    if let Some(behind) = behind("Mac OS X") {
        return ("Mac OS X", version(behind.trim_start()));
    }
    if let Some(behind) = behind("CrOS ") {
        let number = behind.split_once(' ').map(|(_, number)| version(number));
        return ("Chrome OS", number.unwrap_or_default());
    }
    for (mark, name) in [
        ("Ubuntu", "Ubuntu"),
        ("Fedora", "Fedora"),
        ("FreeBSD", "FreeBSD"),
        ("OpenBSD", "OpenBSD"),
        ("Linux", "Linux"),
        ("linux", "Linux"),
        ("Windows", "Windows"),
        ("Darwin", "Mac OS X"),
    ] {
        if let Some(behind) = behind(mark) {
            let numbered = matches!(name, "Ubuntu" | "Fedora");
            let number = behind.strip_prefix('/').filter(|_| numbered).map(version);
            return (name, number.unwrap_or_default());
        }
    }
    ("Other", String::new())
}
