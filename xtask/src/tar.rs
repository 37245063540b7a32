//! Writes tar archives that come out the same every time: no times, no owners.

/// An archive in memory.
#[derive(Default)]
pub struct Tar(Vec<u8>);

const BLOCK: usize = 512;

enum Kind {
    File,
    Folder,
    Link,
}

impl Tar {
    pub fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.header(name, mode, content.len(), &Kind::File, "");
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
    }

    pub fn folder(&mut self, name: &str, mode: u32) {
        self.header(name, mode, 0, &Kind::Folder, "");
    }

    pub fn link(&mut self, name: &str, target: &str) {
        self.header(name, 0o777, 0, &Kind::Link, target);
    }

    /// Two empty blocks end an archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }

    fn header(&mut self, name: &str, mode: u32, size: usize, kind: &Kind, target: &str) {
        assert!(name.len() <= 100 && target.len() <= 100, "bug: {name} is too long for a plain header");
        let mut block = [0u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, format!("{mode:07o}").as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{size:011o}").as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(
            156,
            match kind {
                Kind::File => b"0",
                Kind::Folder => b"5",
                Kind::Link => b"2",
            },
        );
        put(157, target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&block);
    }
}
