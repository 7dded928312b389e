//! Validation of logos for upload-logo: size and dimensions, read from the image header.

const MAX_BYTES: usize = 10_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    TooLarge,
    NoImage,
    Size,
}

pub(super) fn check(image: &[u8]) -> Result<(), Unfit> {
    if image.len() > MAX_BYTES {
        return Err(Unfit::TooLarge);
    }
    let (width, height) = png(image)
        .or_else(|| jpeg(image))
        .or_else(|| tiff(image))
        .ok_or(Unfit::NoImage)?;
    let (shorter, longer) = (width.min(height), width.max(height));
    if shorter > 0 && (1000..=8000).contains(&longer) {
        Ok(())
    } else {
        Err(Unfit::Size)
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?).into())
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn png(image: &[u8]) -> Option<(u32, u32)> {
    image.starts_with(b"\x89PNG\r\n\x1a\n").then_some(())?;
    (image.get(12..16)? == b"IHDR").then_some(())?;
    Some((be32(image, 16)?, be32(image, 20)?))
}

/// Reads the frame header, which precedes the image data.
fn jpeg(image: &[u8]) -> Option<(u32, u32)> {
    image.starts_with(b"\xff\xd8").then_some(())?;
    let mut at = 2_usize;
    loop {
        (*image.get(at)? == 0xff).then_some(())?;
        let marker = *image.get(at + 1)?;
        let length = usize::try_from(be16(image, at + 2)?).ok()?;
        match marker {
            // Fill bytes may precede a marker.
            0xff => at += 1,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be16(image, at + 7)?, be16(image, at + 5)?));
            }
            0xda | 0xd9 => return None,
            _ => at = at.checked_add(2)?.checked_add(length)?,
        }
    }
}

/// Reads tags 256 (width) and 257 (height) of the first directory.
fn tiff(image: &[u8]) -> Option<(u32, u32)> {
    let little = match image.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u16_at = |at: usize| be16(image, at).map(|value| if little { value.swap_bytes() >> 16 } else { value });
    let u32_at = |at: usize| be32(image, at).map(|value| if little { value.swap_bytes() } else { value });
    let directory = usize::try_from(u32_at(4)?).ok()?;
    let entries = usize::try_from(u16_at(directory)?).ok()?;
    let (mut width, mut height) = (None, None);
    for entry in 0..entries {
        let at = directory.checked_add(2 + entry * 12)?;
        // Type 3 is a 16-bit value, type 4 a 32-bit value.
        let value = match u16_at(at + 2)? {
            3 => u16_at(at + 8)?,
            _ => u32_at(at + 8)?,
        };
        match u16_at(at)? {
            256 => width = Some(value),
            257 => height = Some(value),
            _ => {}
        }
    }
    Some((width?, height?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut image = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        image.extend(width.to_be_bytes());
        image.extend(height.to_be_bytes());
        image
    }

    #[test]
    fn the_longer_side_of_a_logo_has_1000_to_8000_pixels() {
        assert_eq!(check(&png_of(1000, 10)), Ok(()));
        assert_eq!(check(&png_of(8000, 8000)), Ok(()));
        assert_eq!(check(&png_of(999, 999)), Err(Unfit::Size));
        assert_eq!(check(&png_of(8001, 1000)), Err(Unfit::Size));
        assert_eq!(check(b"GIF89a"), Err(Unfit::NoImage));
        assert_eq!(check(&vec![0; MAX_BYTES + 1]), Err(Unfit::TooLarge));
    }

    #[test]
    fn dimensions_are_read_from_jpeg_and_tiff_headers() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\x04\xb0\x03\xe8\x03";
        assert_eq!(super::jpeg(jpeg), Some((1000, 1200)));
        let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
        tiff.extend(b"\0\x01\x03\0\x01\0\0\0\xe8\x03\0\0");
        tiff.extend(b"\x01\x01\x04\0\x01\0\0\0\xb0\x04\0\0");
        assert_eq!(super::tiff(&tiff), Some((1000, 1200)));
    }

    #[test]
    fn a_truncated_image_is_refused() {
        for image in [
            &b"\xff\xd8\xff\xff\xff"[..],
            b"\xff\xd8\xff\xc0\0\x11",
            b"II*\0\xff\xff\xff\xff",
            b"MM\0*\0\0\0\x08\xff\xff",
        ] {
            assert_eq!(check(image), Err(Unfit::NoImage));
        }
    }
}
