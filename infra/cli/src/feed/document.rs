//! Reads a feed (RSS 2.0) as a sequence of segments. Their bytes together are exactly the feed, so a caller can copy what it does not change. At most one item
//! is in memory. The feed must be well-formed XML in UTF-8; depth and segment size are limited.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
};

use quick_xml::{
    XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
    name::ResolveResult,
    reader::NsReader,
};

use crate::error::CliError;

/// Spotify's XML namespace, exactly (Content Management, "RSS").
pub(super) const SPOTIFY: &str = "http://www.spotify.com/ns/rss";
/// Upper bound of a segment, in bytes.
const MAX_PIECE_BYTES: usize = 4 * 1024 * 1024;
/// Upper bound of nested elements.
const MAX_DEPTH: usize = 64;

/// Opens a feed; `-` means standard input.
pub(super) fn open(feed: &str) -> Result<Box<dyn BufRead>, CliError> {
    if feed == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file =
        File::open(PathBuf::from(feed)).map_err(|error| CliError::new(format!("cannot read {feed}: {error}")))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

/// A part of the feed, with its bytes.
pub(super) struct Segment {
    pub(super) part: SegmentKind,
    pub(super) bytes: Vec<u8>,
}

pub(super) enum SegmentKind {
    /// The root element's start tag.
    Root(Element),
    /// The show's `spotify:access` element.
    Access(Access),
    Item(Box<Item>),
    /// The end of the channel, with its metadata.
    ChannelEnd(Channel),
    /// A document type declaration. Its entities are not resolved.
    DocType,
    Other,
}

/// A start tag.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) line: u64,
    pub(super) prefix: Option<String>,
    pub(super) name: String,
    pub(super) space: Namespace,
    pub(super) attributes: Vec<(String, String)>,
    /// Whether the tag is self-closing.
    empty: bool,
}

/// The namespace of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    None,
    Spotify,
    Itunes,
    Content,
    Other,
    /// The prefix is not declared.
    Undeclared,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether this is Spotify's `access` element, or was meant to be: the prefix `spotify` also counts if it has another namespace.
    fn is_access(&self) -> bool {
        self.name == "access" && (self.space == Namespace::Spotify || self.prefix.as_deref() == Some("spotify"))
    }

    fn is_plain(&self, name: &str) -> bool {
        self.name == name && self.prefix.is_none()
    }
}

/// A `spotify:access` element.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) element: Element,
    pub(super) children: Vec<Element>,
}

impl Access {
    /// Names in the `entitlement` elements without a prefix.
    pub(super) fn entitlements(&self) -> impl Iterator<Item = &str> {
        let children = self.children.iter().filter(|child| child.is_plain("entitlement"));
        children.filter_map(|child| child.attribute("name"))
    }
}

/// Metadata of the show, as far as it has been read.
#[derive(Clone, Debug, Default)]
pub(super) struct Channel {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) author: Option<String>,
    pub(super) image: Option<String>,
}

/// An episode.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    pub(super) line: u64,
    pub(super) title: Option<String>,
    pub(super) guid: Option<String>,
    pub(super) published: Option<String>,
    pub(super) season: Option<String>,
    pub(super) episode_type: Option<String>,
    pub(super) categories: Vec<String>,
    /// URLs of the audio.
    pub(super) enclosures: Vec<String>,
    /// Public show notes.
    pub(super) notes: Vec<String>,
    pub(super) access: Vec<Access>,
    /// Byte positions for edits that leave the rest of the item unchanged.
    pub(super) place: ItemSpans,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ItemSpans {
    /// The first `spotify:access` element.
    pub(super) access: Option<(usize, usize)>,
    /// White space between the start tag and the first child.
    pub(super) gap: Option<(usize, usize)>,
    /// Start of the white space before the end tag, or of the end tag.
    pub(super) tail: usize,
    /// Whether the item is one self-closing tag.
    pub(super) empty: bool,
}

/// Reader of a feed.
pub(super) struct Feed<R> {
    reader: NsReader<ByteRecorder<R>>,
    buffer: Vec<u8>,
    path: Vec<String>,
    channel: Channel,
    /// Whether the root element has ended.
    over: bool,
}

/// An XML event, as far as this module needs it.
enum Token {
    Start(Element),
    End,
    Text(String),
    DocType,
    Other,
    Eof,
}

impl<R: BufRead> Feed<R> {
    pub(super) fn new(file: R) -> Self {
        let recorder = ByteRecorder {
            inner: file,
            kept: Vec::new(),
            line: 1,
        };
        Self {
            reader: NsReader::from_reader(recorder),
            buffer: Vec::new(),
            path: Vec::new(),
            channel: Channel::default(),
            over: false,
        }
    }

    /// Number of the current line, from 1.
    pub(super) fn line(&self) -> u64 {
        self.reader.get_ref().line
    }

    /// Reads the next segment. Returns `None` at the end of the feed.
    ///
    /// # Errors
    /// [`CliError`] with the line at which the document is malformed or exceeds a limit.
    pub(super) fn next(&mut self) -> Result<Option<Segment>, CliError> {
        let part = match self.step()? {
            Token::Eof if self.over => {
                let bytes = self.take();
                let rest = (!bytes.is_empty()).then_some(Segment {
                    part: SegmentKind::Other,
                    bytes,
                });
                return Ok(rest);
            }
            Token::Eof => return Err(self.failed("the document ends before its root element does")),
            Token::Start(element) => match self.above(&element) {
                [] if self.over => return Err(self.failed("there is a second root element")),
                [] => SegmentKind::Root(element),
                [_, channel] if channel == "channel" && element.is_plain("item") => {
                    SegmentKind::Item(Box::new(self.item(&element)?))
                }
                [_, channel] if channel == "channel" && element.is_access() => {
                    SegmentKind::Access(self.access(element)?)
                }
                [_, channel] if channel == "channel" => {
                    self.of_channel(&element)?;
                    SegmentKind::Other
                }
                _ => SegmentKind::Other,
            },
            Token::End if self.path.len() == 1 => SegmentKind::ChannelEnd(std::mem::take(&mut self.channel)),
            Token::DocType => SegmentKind::DocType,
            Token::End | Token::Text(_) | Token::Other => SegmentKind::Other,
        };
        Ok(Some(Segment {
            part,
            bytes: self.take(),
        }))
    }

    /// Names of the elements around an element whose start tag was just read.
    fn above(&self, element: &Element) -> &[String] {
        let depth = self.path.len() - usize::from(!element.empty);
        self.path.get(..depth).unwrap_or_default()
    }

    /// Reads an element of the channel into the show's metadata, if it is relevant.
    fn of_channel(&mut self, element: &Element) -> Result<(), CliError> {
        match (element.name.as_str(), element.space) {
            ("title", Namespace::None) => self.channel.title = Some(self.text(element)?),
            ("description", Namespace::None) => self.channel.description = Some(self.text(element)?),
            ("author", Namespace::Itunes) => self.channel.author = Some(self.text(element)?),
            ("image", Namespace::Itunes) => self.channel.image = element.attribute("href").map(str::to_owned),
            ("image", Namespace::None) if !element.empty => {
                let depth = self.path.len();
                while self.path.len() >= depth {
                    if let Token::Start(child) = self.inner()?
                        && child.is_plain("url")
                    {
                        let url = self.text(&child)?;
                        self.channel.image.get_or_insert(url);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads an item to its end.
    fn item(&mut self, element: &Element) -> Result<Item, CliError> {
        let mut item = Item {
            line: element.line,
            ..Item::default()
        };
        item.place.empty = element.empty;
        if element.empty {
            return Ok(item);
        }
        let depth = self.path.len();
        let mut is_first = true;
        loop {
            let before = self.kept();
            let step = self.inner()?;
            match step {
                Token::Start(child) if child.is_access() => {
                    let access = self.access(child)?;
                    item.place.access.get_or_insert((before, self.kept()));
                    item.access.push(access);
                    item.place.tail = self.kept();
                }
                Token::Start(child) => {
                    self.of_item(&child, &mut item)?;
                    item.place.tail = self.kept();
                }
                Token::End if self.path.len() < depth => return Ok(item),
                Token::Text(text) if text.trim().is_empty() => {
                    if is_first {
                        item.place.gap = Some((before, self.kept()));
                        item.place.tail = before;
                    }
                }
                _ => item.place.tail = self.kept(),
            }
            is_first = false;
        }
    }

    /// Reads a child of an item to its end, and stores it if it is relevant.
    fn of_item(&mut self, child: &Element, item: &mut Item) -> Result<(), CliError> {
        let text = self.text(child)?;
        match (child.name.as_str(), child.space) {
            ("title", Namespace::None) => item.title = Some(text.trim().to_owned()),
            ("guid", Namespace::None) => item.guid = Some(text.trim().to_owned()),
            ("pubDate", Namespace::None) => item.published = Some(text.trim().to_owned()),
            ("category", Namespace::None) => item.categories.push(text.trim().to_owned()),
            ("season", Namespace::Itunes) => item.season = Some(text.trim().to_owned()),
            ("episodeType", Namespace::Itunes) => item.episode_type = Some(text.trim().to_owned()),
            ("description", Namespace::None) | ("summary", Namespace::Itunes) | ("encoded", Namespace::Content) => {
                item.notes.push(text);
            }
            ("enclosure", Namespace::None) => item.enclosures.extend(child.attribute("url").map(str::to_owned)),
            _ => {}
        }
        Ok(())
    }

    /// Reads `spotify:access` to its end.
    fn access(&mut self, element: Element) -> Result<Access, CliError> {
        let mut children = Vec::new();
        if !element.empty {
            let depth = self.path.len();
            while self.path.len() >= depth {
                let Token::Start(child) = self.inner()? else { continue };
                if !child.empty {
                    self.text(&child)?;
                }
                children.push(child);
            }
        }
        Ok(Access { element, children })
    }

    /// Reads an element to its end and returns all text in it.
    fn text(&mut self, element: &Element) -> Result<String, CliError> {
        let mut text = String::new();
        if !element.empty {
            let depth = self.path.len();
            while self.path.len() >= depth {
                if let Token::Text(more) = self.inner()? {
                    text.push_str(&more);
                }
            }
        }
        Ok(text)
    }

    /// The next token inside an open element.
    fn inner(&mut self) -> Result<Token, CliError> {
        match self.step()? {
            Token::Eof => Err(self.failed("the document ends in the middle of an element")),
            step => Ok(step),
        }
    }

    fn step(&mut self) -> Result<Token, CliError> {
        let line = self.line();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let step = match self.reader.read_event_into(&mut buffer) {
            Ok(event) => self.step_of(event, line),
            // The parser's own message may contain text of the document.
            Err(quick_xml::Error::Io(error)) => Err(CliError::new(format!("line {}: {error}", self.line()))),
            Err(quick_xml::Error::Encoding(_)) => Err(self.failed("not UTF-8")),
            Err(_) => Err(self.failed("not well-formed XML")),
        };
        self.buffer = buffer;
        step
    }

    fn step_of(&mut self, event: Event<'_>, line: u64) -> Result<Token, CliError> {
        Ok(match event {
            Event::Start(tag) => {
                let element = self.element(&tag, line, false)?;
                if self.path.len() == MAX_DEPTH {
                    return Err(self.failed("elements are nested too deep"));
                }
                self.path.push(element.name.clone());
                Token::Start(element)
            }
            Event::Empty(tag) => {
                self.over |= self.path.is_empty();
                Token::Start(self.element(&tag, line, true)?)
            }
            Event::End(_) => {
                self.path.pop();
                self.over |= self.path.is_empty();
                Token::End
            }
            Event::Text(text) => {
                if self.path.is_empty() && !text.trim().is_empty() {
                    return Err(self.failed("there is text outside the root element"));
                }
                Token::Text(text.xml_content(XmlVersion::Implicit1_0).into_owned())
            }
            Event::CData(text) => Token::Text(text.xml_content(XmlVersion::Implicit1_0).into_owned()),
            Event::GeneralRef(reference) => {
                // Entities that the document declares are not resolved: they can have any content and size.
                let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                let named = resolve_predefined_entity(&reference).map(str::to_owned);
                Token::Text(character.or(named).unwrap_or_default())
            }
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().and_then(Result::ok);
                if encoding.is_some_and(|encoding| !["utf-8", "us-ascii"].contains(&encoding.to_lowercase().as_str())) {
                    return Err(self.failed("the feed is not in UTF-8"));
                }
                Token::Other
            }
            Event::DocType(_) => Token::DocType,
            Event::Comment(_) | Event::PI(_) => Token::Other,
            Event::Eof => Token::Eof,
        })
    }

    fn element(&self, tag: &BytesStart<'_>, line: u64, empty: bool) -> Result<Element, CliError> {
        let name = tag.name();
        let (space, _) = self.reader.resolver().resolve_element(name);
        let prefix = name.prefix().map(|prefix| prefix.into_inner().to_owned());
        let space = match space {
            ResolveResult::Bound(space) if space.0 == SPOTIFY => Namespace::Spotify,
            ResolveResult::Bound(space) if space.0.to_lowercase().contains("itunes.com/dtds/podcast") => {
                Namespace::Itunes
            }
            ResolveResult::Bound(space) if space.0 == "http://purl.org/rss/1.0/modules/content/" => Namespace::Content,
            ResolveResult::Bound(_) if prefix.is_some() => Namespace::Other,
            // RSS elements have no namespace; a default namespace is ignored.
            ResolveResult::Bound(_) | ResolveResult::Unbound => Namespace::None,
            ResolveResult::Unknown(_) => Namespace::Undeclared,
        };
        let attributes = tag.attributes().map(|attribute| {
            let attribute = attribute.ok()?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some((attribute.key.into_inner().to_owned(), value.into_owned()))
        });
        let attributes: Option<Vec<_>> = attributes.collect();
        Ok(Element {
            line,
            prefix,
            name: name.local_name().into_inner().to_owned(),
            space,
            attributes: attributes.ok_or_else(|| self.failed("malformed attribute"))?,
            empty,
        })
    }

    fn failed(&self, what: &str) -> CliError {
        CliError::new(format!("line {}: {what}", self.line()))
    }

    /// Number of bytes read of the current segment.
    fn kept(&self) -> usize {
        self.reader.get_ref().kept.len()
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.reader.get_mut().kept)
    }
}

/// A reader that keeps the bytes of the current segment and counts lines.
struct ByteRecorder<R> {
    inner: R,
    kept: Vec<u8>,
    line: u64,
}

impl<R: BufRead> Read for ByteRecorder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for ByteRecorder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.kept.len() > MAX_PIECE_BYTES {
            return Err(io::Error::other("an item or another part is larger than 4 MiB"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The buffer is filled already, so this does not read.
        if let Ok(available) = self.inner.fill_buf()
            && let Some(consumed) = available.get(..amount)
        {
            self.kept.extend_from_slice(consumed);
            for byte in consumed {
                self.line += u64::from(*byte == b'\n');
            }
        }
        self.inner.consume(amount);
    }
}
