//! What a link carries, read from the options of all places.

use cli::config::{Origin, Values};
use tunnel::settings::spelling::{self, SpellingError, Which, check_distinct};
use tunnel::settings::{Forward, Reverse};

/// The options that ask for forwards, as texts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts<'a> {
    /// `-L`.
    pub(crate) local: &'a [String],
    /// `-D`.
    pub(crate) dynamic: &'a [String],
    /// `-W`.
    pub(crate) stdio: Option<&'a str>,
    /// `-R`.
    pub(crate) remote: &'a [String],
    /// `--publish`.
    pub(crate) publish: &'a [String],
}

/// The forwards of a link, each with the place that asks for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forwards {
    /// Whose clients come here.
    pub(crate) here: Vec<Forward>,
    /// Whose clients come to the other end.
    pub(crate) there: Vec<Reverse>,
    here_from: Vec<Origin>,
    there_from: Vec<Origin>,
}

impl Forwards {
    /// Adds one whose clients come here.
    pub(crate) fn push(&mut self, forward: Forward, origin: Origin) {
        self.here.push(forward);
        self.here_from.push(origin);
    }

    /// Adds all of these options.
    ///
    /// # Errors
    /// One sentence that names the place and the part that is wrong.
    pub(crate) fn add(&mut self, args: Texts<'_>, values: &Values) -> Result<(), String> {
        let one = |forward: Result<Forward, _>| forward.map(|forward| vec![forward]);
        for (text, origin) in args.local.iter().zip(values.origins("local")) {
            self.push_all(spelling::local(text), &origin)?;
        }
        for (text, origin) in args.dynamic.iter().zip(values.origins("dynamic")) {
            self.push_all(one(spelling::dynamic(text)), &origin)?;
        }
        if let Some(text) = args.stdio {
            self.push_all(one(spelling::stdio(text)), &values.origin("stdio"))?;
        }
        for (text, origin) in args.remote.iter().zip(values.origins("remote")) {
            self.push_reverse(spelling::remote(text), &origin)?;
        }
        for (text, origin) in args.publish.iter().zip(values.origins("publish")) {
            self.push_reverse(spelling::publish(text).map(|reverse| vec![reverse]), &origin)?;
        }
        Ok(())
    }

    fn push_all(&mut self, read: Result<Vec<Forward>, SpellingError>, origin: &Origin) -> Result<(), String> {
        for forward in read.map_err(|error| at(origin, &error))? {
            self.push(forward, origin.clone());
        }
        Ok(())
    }

    fn push_reverse(
        &mut self,
        read: Result<Vec<Reverse>, SpellingError>,
        origin: &Origin,
    ) -> Result<(), String> {
        for reverse in read.map_err(|error| at(origin, &error))? {
            self.there.push(reverse);
            self.there_from.push(origin.clone());
        }
        Ok(())
    }

    /// Checks that the forwards of all links can be had beside each other. Those whose clients come to the other end are at another
    /// one for each link.
    ///
    /// # Errors
    /// One sentence that names both places.
    pub(crate) fn check<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Result<(), String> {
        let here: Vec<_> = all.clone().flat_map(|one| one.here.iter().cloned()).collect();
        let here_from: Vec<_> = all.clone().flat_map(|one| &one.here_from).collect();
        distinct(&here, &[], &here_from)?;
        for one in all {
            distinct(&[], &one.there, &one.there_from.iter().collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

fn distinct(here: &[Forward], there: &[Reverse], from: &[&Origin]) -> Result<(), String> {
    let Err(error) = check_distinct(here, there) else { return Ok(()) };
    let place = |which: Which| {
        let (Which::Forward(at) | Which::Reverse(at)) = which;
        from.get(at).map(|origin| origin.to_string()).unwrap_or_default()
    };
    let [one, other] = error.pair.map(place);
    Err(format!("{error} (they are from {one} and {other})"))
}

/// On the command line the text itself says enough.
fn at(origin: &Origin, error: &SpellingError) -> String {
    match origin {
        Origin::CommandLine => error.to_string(),
        Origin::Variable(_) | Origin::File { .. } | Origin::Default => format!("{origin}: {error}"),
    }
}
