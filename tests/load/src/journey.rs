//! The whole journeys: what each person does, in order and at the same moment.

use bench::Failed;

use crate::person::Person;

/// What a person does besides linking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Does nothing else.
    Link,
    /// Is unlinked by the partner's backend.
    Unlink,
    /// Refuses the consent at Spotify.
    Refuse,
    /// Presses reload, so that the callback is sent twice at the same moment.
    Reload,
    /// Loses the session before the callback, and begins again.
    LoseSession,
    /// Unlinks on our page, and links again.
    Relink,
    /// Buys another plan at the moment of the callback.
    Upgrade,
    /// Loads the callback again later.
    Return,
    /// Has a backend that sends a signed request twice at the same moment.
    RepeatRequest,
    /// Cancels the subscription.
    Cancel,
}

impl Habit {
    const ALL: [Self; 10] = [
        Self::Link,
        Self::Unlink,
        Self::Refuse,
        Self::Reload,
        Self::LoseSession,
        Self::Relink,
        Self::Upgrade,
        Self::Return,
        Self::RepeatRequest,
        Self::Cancel,
    ];

    /// The habit of the person `number`: each is that of every tenth person.
    pub(crate) fn of(number: usize) -> Self {
        let habit = Self::ALL.get(number % Self::ALL.len());
        habit.copied().unwrap_or(Self::Link)
    }
}

/// Walks the whole journey of a person. Fails at the first unexpected response.
pub(crate) async fn walk(person: &mut Person, habit: Habit) -> Result<(), Failed> {
    let consent = person.begin().await?;
    if habit == Habit::Refuse {
        person.refuse(&consent).await?;
        return person.change(&["basic", "gold"]).await;
    }
    let callback = person.agree(&consent).await?;
    match habit {
        Habit::Reload => {
            let (one, other) = tokio::join!(person.callback(&callback), person.callback(&callback));
            let (one, other) = (one?, other?);
            let (first, second) = if one.status == 302 { (one, other) } else { (other, one) };
            person.complete(&first).await?;
            person.require_repeated(&second)?;
        }
        Habit::LoseSession => {
            person.sign_out();
            let answer = person.callback(&callback).await?;
            person.require_session_changed(&answer)?;
            person.sign_in()?;
            person.link().await?;
        }
        Habit::Upgrade => {
            let jws = person.sign_change(&["basic", "gold"])?;
            let (linked, changed) = tokio::join!(person.callback(&callback), person.send_change(jws));
            person.complete(&linked?).await?;
            person.require_changed(&[changed?])?;
        }
        _ => {
            let answer = person.callback(&callback).await?;
            person.complete(&answer).await?;
        }
    }
    person.read().await?;
    match habit {
        Habit::RepeatRequest => {
            let jws = person.sign_change(&["gold"])?;
            let (one, other) = tokio::join!(person.send_change(jws.clone()), person.send_change(jws));
            person.require_changed(&[one?, other?])?;
        }
        Habit::Cancel => person.change(&[]).await?,
        // The backend has made the change already.
        Habit::Upgrade => {}
        _ => person.change(&["basic", "gold"]).await?,
    }
    match habit {
        Habit::Unlink => person.unlink_by_backend().await?,
        Habit::Relink => {
            person.unlink_on_page().await?;
            person.link().await?;
        }
        Habit::Return => {
            let answer = person.callback(&callback).await?;
            person.require_repeated(&answer)?;
        }
        _ => {}
    }
    person.read().await
}
