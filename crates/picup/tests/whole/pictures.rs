//! Files that are not what they seem, made here byte by byte.

/// A PNG that unpacks to `side` × `side` grey pixels from a thousandth of that.
pub(crate) fn bomb(side: u32) -> Vec<u8> {
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    let raw = u64::from(side) * u64::from(side + 1);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zeros(raw)), (b"IEND", Vec::new())] {
        png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let chunk = [kind.as_slice(), &data].concat();
        png.extend(&chunk);
        png.extend(crc(&chunk).to_be_bytes());
    }
    png
}

/// So many zero bytes as zlib packs them (RFC 1950 and 1951): one literal, then copies of 258 from one byte back.
fn zeros(count: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b011, 3); // the last block, fixed codes, lowest bit first
    bits.push_code(0b0011_0000, 8); // literal 0
    for _ in 0..(count - 1) / 258 {
        bits.push_code(0b1100_0101, 8); // length 258
        bits.push_code(0, 5); // distance 1
    }
    for _ in 0..(count - 1) % 258 {
        bits.push_code(0b0011_0000, 8);
    }
    bits.push_code(0, 7); // the end
    let adler = u32::try_from(count % 65_521).unwrap() << 16 | 1;
    [&[0x78, 0x01], bits.bytes.as_slice(), &adler.to_be_bytes()].concat()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= u8::try_from(value >> bit & 1).unwrap() << (self.used % 8);
            self.used += 1;
        }
    }

    /// Codes stand with their highest bit first.
    fn push_code(&mut self, code: u32, count: u32) {
        self.push(code.reverse_bits() >> (32 - count), count);
    }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Bytes that look random and are the same every time.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend((state >> 29).to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

#[test]
fn the_bomb_is_a_sound_png() {
    let decoded = image_size(&bomb(300));
    assert_eq!(decoded, Some((300, 300)));
    assert!(bomb(3000).len() < 80_000);
}

/// The size that a PNG's header says.
fn image_size(png: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}
