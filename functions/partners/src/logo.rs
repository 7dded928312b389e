//! Checks a partner's logo before it is sent to Spotify, whose refusal names no reason.

use imagesize::ImageType;

/// A partner's logo, as Spotify accepts it (Spotify Open Access reference, "Upload logo"): PNG, JPEG or TIFF by its content, at most 10,000,000 bytes, and the
/// longer side 1000 to 8000 pixels.
pub(crate) struct Logo {
    bytes: Vec<u8>,
    media_type: &'static str,
}

impl Logo {
    /// Upper bound of a logo, in bytes. Spotify says "10 MB"; this is the smaller reading.
    pub(crate) const MAX_BYTES: usize = 10_000_000;

    /// Parses an image file. Format and size come from the file's header.
    ///
    /// # Errors
    /// [`LogoError`] with the rule that the file breaks.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, LogoError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(LogoError::TooLarge);
        }
        let media_type = match imagesize::image_type(&bytes) {
            Ok(ImageType::Png) => "image/png",
            Ok(ImageType::Jpeg) => "image/jpeg",
            Ok(ImageType::Tiff) => "image/tiff",
            _ => return Err(LogoError::Format),
        };
        let size = imagesize::blob_size(&bytes).map_err(|_| LogoError::Format)?;
        let (shorter, longer) = (size.width.min(size.height), size.width.max(size.height));
        if shorter == 0 || !(1000..=8000).contains(&longer) {
            return Err(LogoError::Dimensions);
        }
        Ok(Self { bytes, media_type })
    }

    /// The media type of its format.
    pub(crate) fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The bytes of the file.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Why a file is rejected as a logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogoError {
    /// More than [`Logo::MAX_BYTES`] bytes.
    #[error("the logo is larger than 10,000,000 bytes")]
    TooLarge,
    /// Not an image, or in a format that Spotify does not accept.
    #[error("the logo is not a PNG, JPEG or TIFF image")]
    Format,
    /// Too few or too many pixels.
    #[error("the longer side of the logo is not 1000 to 8000 pixels")]
    Dimensions,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The signature and header of a PNG; the parser reads nothing else.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(width.to_be_bytes());
        png.extend(height.to_be_bytes());
        png.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        png
    }

    #[test]
    fn a_logo_is_accepted_by_its_content_and_its_size() {
        let parse = |bytes| Logo::parse(bytes).map(|logo| logo.media_type());
        for good in [(1000, 1), (1, 1000), (8000, 8000), (1000, 1000)] {
            assert_eq!(parse(png(good.0, good.1)), Ok("image/png"), "{good:?}");
        }
        for bad in [(999, 999), (8001, 1000), (0, 1000), (1000, 0)] {
            assert_eq!(parse(png(bad.0, bad.1)), Err(LogoError::Dimensions), "{bad:?}");
        }
        let jpeg = [
            b"\xff\xd8\xff\xc0\0\x11\x08".as_slice(),
            &1000_u16.to_be_bytes(),
            &1200_u16.to_be_bytes(),
            &[3; 16],
        ];
        assert_eq!(parse(jpeg.concat()), Ok("image/jpeg"));
        let entry = |tag: u16, value: u16| {
            [
                &tag.to_le_bytes()[..],
                &[3, 0, 1, 0, 0, 0],
                &value.to_le_bytes(),
                &[0, 0],
            ]
            .concat()
        };
        let tiff = [
            b"II*\0\x08\0\0\0\x02\0".to_vec(),
            entry(0x100, 1000),
            entry(0x101, 1200),
            vec![0; 4],
        ];
        assert_eq!(parse(tiff.concat()), Ok("image/tiff"));
        let gif = [
            b"GIF89a".as_slice(),
            &1000_u16.to_le_bytes(),
            &1000_u16.to_le_bytes(),
            &[0; 8],
        ]
        .concat();
        for other in [Vec::new(), b"<svg/>".to_vec(), gif, b"\x89PNG\r\n\x1a\n".to_vec()] {
            assert_eq!(parse(other), Err(LogoError::Format));
        }
        let mut large = png(1000, 1000);
        large.resize(Logo::MAX_BYTES, 0);
        assert!(Logo::parse(large.clone()).is_ok());
        large.push(0);
        assert_eq!(parse(large), Err(LogoError::TooLarge));
    }

    proptest! {
        #[test]
        fn no_file_makes_the_parser_panic(file in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Logo::parse(file);
        }
    }
}
