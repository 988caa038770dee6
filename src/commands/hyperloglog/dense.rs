//! The dense form: registers of six bits, the first in the lowest bits of the first byte.

use super::REGISTERS;

/// The bits of a register.
const BITS: usize = 6;

/// The highest value of a register.
pub(super) const HIGHEST: u8 = (1 << BITS) - 1;

/// The bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * BITS / 8;

/// The byte in which a register begins, and its lowest bit there. The register may continue in the next byte.
pub(super) fn place_of(register: usize) -> (usize, u32) {
    (register * BITS / 8, (register * BITS % 8) as u32)
}

/// The value of a register. `byte` returns the byte at an index.
pub(super) fn get(register: usize, byte: impl Fn(usize) -> u8) -> u8 {
    let (place, shift) = place_of(register);
    let next = if place + 1 < BYTES { byte(place + 1) } else { 0 };
    (u16::from_le_bytes([byte(place), next]) >> shift) as u8 & HIGHEST
}

/// The index of the two bytes that contain a register, and their content when the register has this value.
pub(super) fn with(register: usize, value: u8, byte: impl Fn(usize) -> u8) -> (usize, [u8; 2]) {
    let (place, shift) = place_of(register);
    let next = if place + 1 < BYTES { byte(place + 1) } else { 0 };
    let others = u16::from_le_bytes([byte(place), next]) & !(u16::from(HIGHEST) << shift);
    (place, (others | u16::from(value) << shift).to_le_bytes())
}

/// Sets a register to `value` if that is larger. Returns whether it was.
pub(super) fn raise(registers: &mut [u8], register: usize, value: u8) -> bool {
    let is_larger = value > get(register, |place| registers[place]);
    if is_larger {
        let (place, bytes) = with(register, value, |place| registers[place]);
        let end = BYTES.min(place + 2);
        registers[place..end].copy_from_slice(&bytes[..end - place]);
    }
    is_larger
}

/// The values of all registers. Three bytes hold four registers.
pub(super) fn all(registers: &[u8]) -> impl Iterator<Item = u8> {
    registers.as_chunks::<3>().0.iter().flat_map(|bytes| {
        let four = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
        std::array::from_fn::<u8, 4, _>(|index| (four >> (BITS * index)) as u8 & HIGHEST)
    })
}
