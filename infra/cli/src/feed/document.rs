//! Reads a feed (RSS 2.0) as a sequence of segments. Their bytes together are exactly the feed, so a caller can copy what it does not change. At most one item
//! is in memory. Names are compared by namespace.

use std::io::BufRead;

use super::{
    access::Access,
    dates::{Published, published},
    fault::{Fault, FeedError},
    namespaces::{Namespace, SPOTIFY, Scope},
    reading::Reading,
    rules::{NAMESPACE, NOT_WELL_FORMED},
    seasons::season,
    xml::{Element, Token, XmlReader},
};

const NO_DEFAULT: &str = "Remove the default namespace, xmlns=\"…\": the elements of RSS have none.";

/// A part of the feed, with its bytes.
pub(super) struct Segment {
    pub(super) part: SegmentKind,
    pub(super) bytes: Vec<u8>,
}

pub(super) enum SegmentKind {
    /// The root element's start tag.
    Root(Element),
    /// The channel's start tag, and what an element in it can refer to.
    Channel(Scope),
    /// The show's `spotify:access` element.
    Access(Access),
    Item(Box<Item>),
    /// The end of the channel, with its metadata.
    ChannelEnd(Channel),
    /// A document type declaration.
    DocType,
    Other,
}

/// Metadata of the show, as far as it has been read.
#[derive(Clone, Debug, Default)]
pub(super) struct Channel {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) author: Option<String>,
    pub(super) image: Option<String>,
    /// Public texts.
    pub(super) notes: Vec<String>,
}

/// An episode.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    pub(super) line: u64,
    pub(super) title: Option<String>,
    pub(super) guid: Option<String>,
    /// Texts of `pubDate`.
    dates: Vec<String>,
    /// Texts of `dc:date`, which count if there is no `pubDate`.
    other_dates: Vec<String>,
    /// Texts of `itunes:season` and `podcast:season`.
    seasons: Vec<String>,
    pub(super) episode_type: Option<String>,
    pub(super) categories: Vec<String>,
    /// URLs of the audio.
    pub(super) enclosures: Vec<String>,
    /// Public show notes and titles.
    pub(super) notes: Vec<String>,
    pub(super) access: Vec<Access>,
    /// Byte positions for edits that leave the rest of the item unchanged.
    pub(super) place: ItemSpans,
    /// What an element in the item can refer to.
    pub(super) scope: Scope,
}

impl Item {
    /// When the episode was published.
    pub(super) fn published(&self) -> Reading<Published> {
        let filled = |texts: &[String]| texts.iter().any(|text| !text.is_empty());
        let texts = if filled(&self.dates) {
            &self.dates
        } else {
            &self.other_dates
        };
        Reading::of(texts, published)
    }

    /// The season of the episode.
    pub(super) fn season(&self) -> Reading<u32> {
        Reading::of(&self.seasons, season)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct ItemSpans {
    /// The first `spotify:access` element.
    pub(super) access: Option<(usize, usize)>,
    /// White space between the start tag and the first child.
    pub(super) gap: Option<(usize, usize)>,
    /// Start of the white space before the end tag, or of the end tag.
    pub(super) tail: usize,
    /// The tag's name, with its prefix, if the item is one self-closing tag.
    pub(super) empty: Option<String>,
}

/// An open element, as far as it matters where an element stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Channel,
    Other,
}

/// Reader of a feed.
pub(super) struct Feed<R> {
    xml: XmlReader<R>,
    /// The open elements outside items.
    path: Vec<Place>,
    channel: Channel,
    has_root: bool,
    faults: Vec<Fault>,
}

impl<R: BufRead> Feed<R> {
    /// # Errors
    /// [`FeedError`] if the first bytes cannot be read, or are not XML in UTF-8.
    pub(super) fn new(feed: R) -> Result<Self, FeedError> {
        Ok(Self {
            xml: XmlReader::new(feed)?,
            path: Vec::new(),
            channel: Channel::default(),
            has_root: false,
            faults: Vec::new(),
        })
    }

    /// Number of the current line, from 1.
    pub(super) fn line(&self) -> u64 {
        self.xml.line()
    }

    /// Whether the document says that it is HTML.
    pub(super) fn is_html(&self) -> bool {
        self.xml.is_html
    }

    /// Whether the root element has a namespace, which RSS does not have. Spotify's is a fault of its own.
    pub(super) fn has_root_namespace(&self) -> bool {
        !["", SPOTIFY].contains(&self.xml.root_namespace())
    }

    /// The elements and declarations in a wrong namespace since the last call.
    pub(super) fn take_faults(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.xml.wrong_namespaces);
        faults.append(&mut self.faults);
        faults
    }

    /// Reads the next segment, like [`Feed::next`], and takes a wrong namespace as an error.
    ///
    /// # Errors
    /// As [`Feed::next`], and [`FeedError::Fault`] if a name is in a wrong namespace.
    pub(super) fn next_valid(&mut self) -> Result<Option<Segment>, FeedError> {
        let segment = self.next()?;
        match self.take_faults().into_iter().next() {
            Some(fault) => Err(fault.into()),
            None => Ok(segment),
        }
    }

    /// Reads the next segment. Returns `None` at the end of the feed.
    ///
    /// # Errors
    /// [`FeedError`] with the line at which the document is malformed or exceeds a limit, or an I/O error.
    pub(super) fn next(&mut self) -> Result<Option<Segment>, FeedError> {
        let part = match self.xml.step()? {
            Token::Eof => {
                let bytes = self.xml.take()?;
                self.xml.finish()?;
                let rest = (!bytes.is_empty()).then_some(Segment {
                    part: SegmentKind::Other,
                    bytes,
                });
                return Ok(rest);
            }
            Token::Start(element) => self.start(element)?,
            Token::End => match self.path.pop() {
                Some(Place::Channel) => SegmentKind::ChannelEnd(std::mem::take(&mut self.channel)),
                _ => SegmentKind::Other,
            },
            Token::DocType => SegmentKind::DocType,
            Token::Text(_) | Token::Other => SegmentKind::Other,
        };
        Ok(Some(Segment {
            part,
            bytes: self.xml.take()?,
        }))
    }

    /// Reads what begins with a start tag outside items.
    fn start(&mut self, element: Element) -> Result<SegmentKind, FeedError> {
        match self.path.as_slice() {
            [] if !self.has_root => {
                self.has_root = true;
                if element.space == Namespace::Spotify {
                    let what = "the default namespace is Spotify's, so all elements of RSS have it";
                    self.faults
                        .push(Fault::with_fix(&NAMESPACE, element.line, what, NO_DEFAULT));
                }
                self.open(&element, Place::Root);
                Ok(SegmentKind::Root(element))
            }
            [Place::Root] if element.is_rss("channel") => {
                let scope = self.xml.scope();
                self.open(&element, Place::Channel);
                // An empty tag has no place for anything.
                Ok(if element.empty {
                    SegmentKind::Other
                } else {
                    SegmentKind::Channel(scope)
                })
            }
            [Place::Root, Place::Channel] if element.is_rss("item") => {
                Ok(SegmentKind::Item(Box::new(self.item(&element)?)))
            }
            [Place::Root, Place::Channel] if element.name == "access" => {
                let access = self.access(element)?;
                let is_meant = access.is_meant_as_spotify();
                Ok(if is_meant {
                    SegmentKind::Access(access)
                } else {
                    SegmentKind::Other
                })
            }
            [Place::Root, Place::Channel] => {
                self.other_namespace(&element, "item");
                self.of_channel(&element)?;
                Ok(SegmentKind::Other)
            }
            path => {
                if path == [Place::Root] {
                    self.other_namespace(&element, "channel");
                }
                self.open(&element, Place::Other);
                Ok(SegmentKind::Other)
            }
        }
    }

    fn open(&mut self, element: &Element, place: Place) {
        if !element.empty {
            self.path.push(place);
        }
    }

    /// Notes an element that was meant as one of RSS, and is in another namespace than the root element.
    fn other_namespace(&mut self, element: &Element, name: &str) {
        let is_reported = self.xml.root_namespace() == SPOTIFY;
        if element.name == name && element.prefix.is_none() && element.space != Namespace::Rss && !is_reported {
            let what = format!("<{name}> is in another namespace than the root element");
            self.faults
                .push(Fault::with_fix(&NAMESPACE, element.line, what, NO_DEFAULT));
        }
    }

    /// Reads an element of the channel to its end, and stores it if it is relevant.
    fn of_channel(&mut self, element: &Element) -> Result<(), FeedError> {
        if (element.name.as_str(), element.space) == ("image", Namespace::Rss) {
            return self.image(element);
        }
        let text = self.text(element)?;
        match (element.name.as_str(), element.space) {
            ("title", Namespace::Rss) => {
                self.channel.notes.push(text.clone());
                self.channel.title = Some(text);
            }
            ("description", Namespace::Rss) => {
                self.channel.notes.push(text.clone());
                self.channel.description = Some(text);
            }
            ("summary" | "subtitle", Namespace::Itunes) | ("encoded", Namespace::Content) => {
                self.channel.notes.push(text);
            }
            ("author", Namespace::Itunes) => self.channel.author = Some(text),
            ("image", Namespace::Itunes) => self.channel.image = element.attribute("href").map(str::to_owned),
            _ => {}
        }
        Ok(())
    }

    /// Reads the `image` element of RSS to its end.
    fn image(&mut self, element: &Element) -> Result<(), FeedError> {
        let depth = self.xml.depth();
        while !element.empty && self.xml.depth() >= depth {
            if let Token::Start(child) = self.inner()?
                && child.is_rss("url")
            {
                let url = self.text(&child)?;
                self.channel.image.get_or_insert(url);
            }
        }
        Ok(())
    }

    /// Reads an item to its end.
    fn item(&mut self, element: &Element) -> Result<Item, FeedError> {
        let mut item = Item {
            line: element.line,
            scope: self.xml.scope(),
            ..Item::default()
        };
        if element.empty {
            let prefix = element.prefix.as_ref().map(|prefix| format!("{prefix}:"));
            item.place.empty = Some(format!("{}{}", prefix.unwrap_or_default(), element.name));
            return Ok(item);
        }
        let depth = self.xml.depth();
        let mut is_first = true;
        loop {
            let before = self.xml.recorded();
            match self.inner()? {
                Token::Start(child) if child.name == "access" => {
                    let access = self.access(child)?;
                    if access.is_meant_as_spotify() {
                        item.place.access.get_or_insert((before, self.xml.recorded()));
                        item.access.push(access);
                    }
                    item.place.tail = self.xml.recorded();
                }
                Token::Start(child) => {
                    self.of_item(&child, &mut item)?;
                    item.place.tail = self.xml.recorded();
                }
                Token::End if self.xml.depth() < depth => return Ok(item),
                Token::Text(text) if text.trim().is_empty() => {
                    if is_first {
                        item.place.gap = Some((before, self.xml.recorded()));
                        item.place.tail = before;
                    }
                }
                _ => item.place.tail = self.xml.recorded(),
            }
            is_first = false;
        }
    }

    /// Reads a child of an item to its end, and stores it if it is relevant.
    fn of_item(&mut self, child: &Element, item: &mut Item) -> Result<(), FeedError> {
        let text = self.text(child)?;
        let trimmed = || text.trim().to_owned();
        match (child.name.as_str(), child.space) {
            ("title", Namespace::Rss) => {
                item.title = Some(trimmed());
                item.notes.push(text);
            }
            ("guid", Namespace::Rss) => item.guid = Some(trimmed()),
            ("pubDate", Namespace::Rss) => item.dates.push(trimmed()),
            ("date", Namespace::DublinCore) => item.other_dates.push(trimmed()),
            ("category", Namespace::Rss) => item.categories.push(trimmed()),
            ("season", Namespace::Itunes | Namespace::Podcast) => item.seasons.push(trimmed()),
            ("episodeType", Namespace::Itunes) => item.episode_type = Some(trimmed()),
            ("description", Namespace::Rss)
            | ("title" | "subtitle" | "summary", Namespace::Itunes)
            | ("encoded", Namespace::Content) => item.notes.push(text),
            ("enclosure", Namespace::Rss) => {
                let url = child.attribute("url").map(str::trim);
                item.enclosures
                    .extend(url.filter(|url| !url.is_empty()).map(str::to_owned));
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads an `access` element to its end. Notes one that is meant as Spotify's and has another namespace.
    fn access(&mut self, element: Element) -> Result<Access, FeedError> {
        let mut children = Vec::new();
        if !element.empty {
            let depth = self.xml.depth();
            while self.xml.depth() >= depth {
                let Token::Start(child) = self.inner()? else { continue };
                if !child.empty {
                    self.text(&child)?;
                }
                children.push(child);
            }
        }
        let access = Access { element, children };
        let line = access.element.line;
        let is_reported = self.xml.wrong_namespaces.iter().any(|fault| fault.line == line);
        if access.is_meant_as_spotify() && access.element.space != Namespace::Spotify && !is_reported {
            let what = "an access element is not in Spotify's namespace";
            let fix = "Write <spotify:access>, and declare xmlns:spotify=\"http://www.spotify.com/ns/rss\" on the root element.";
            self.faults.push(Fault::with_fix(&NAMESPACE, line, what, fix));
        }
        Ok(access)
    }

    /// Reads an element to its end and returns all text in it.
    fn text(&mut self, element: &Element) -> Result<String, FeedError> {
        let mut text = String::new();
        if !element.empty {
            let depth = self.xml.depth();
            while self.xml.depth() >= depth {
                if let Token::Text(more) = self.inner()? {
                    text.push_str(&more);
                }
            }
        }
        Ok(text)
    }

    /// The next token inside an open element.
    fn inner(&mut self) -> Result<Token, FeedError> {
        match self.xml.step()? {
            Token::Eof => {
                // Gives the reader's own reason if the parser has none.
                self.xml.take()?;
                self.xml.finish()?;
                let what = "the document ends in the middle of an element";
                Err(Fault::new(&NOT_WELL_FORMED, self.line(), what).into())
            }
            token => Ok(token),
        }
    }
}
