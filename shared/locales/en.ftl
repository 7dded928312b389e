# What people read on soa-link's pages, in English: the source of all other languages. The format is Fluent,
# https://projectfluent.org/fluent/guide/.
#
# { $brand } is the partner's name, as in "Wickerlight", or its host name, as in "www.example.com". It cannot be inflected.
# "Spotify" stays as it is. A message's own text is the page's title; `.text` says what happened, `.step` is the one button.
# Use one word for "connect", "connection" and "disconnect" on all pages.

## On every page

back = Back to { $brand }
help = Get help
# Before an id of letters and digits, which people read out to support.
request-id = Request ID:
# Shown on pages about a problem, if the partner has a page for support.
tell-support = If it happens again, tell support the request ID below.
# { $name } is the person's name or e-mail address. `.not-you` is a link after one of the two sentences.
identity = You are signed in at { $brand }.
    .named = Signed in at { $brand } as { $name }.
    .not-you = Not you?

## Signing in

signed-out = Please sign in first
    .text = You are not signed in at { $brand } in this browser. Sign in there, then come back to this page.
session-rejected = Please sign in again
    .text = Your sign-in at { $brand } has expired, or cannot be used here. Sign in there again, then come back to this page.
# A button.
sign-in = Sign in
sign-in-refused = Please sign in again
    .text = Your sign-in has expired, was used before, or was begun in another browser. Nothing was changed.
    .step = Sign in again
sign-in-impossible = Signing in does not work here
    .text = { $brand } sent you here with a sign-in that we cannot accept. It is not your fault, and trying again will probably not help. Nothing was changed.
sign-in-cancelled = You did not sign in
    .text = You turned back before you had signed in, so nothing was changed. You can sign in at any time.
    .step = Sign in
sign-in-unavailable = Signing in does not work just now
    .text = We could not reach the service that confirms your sign-in. It is not your fault, and it usually passes within minutes. Nothing was changed.
    .step = Try again
visit-ended = You are signed out of this page
    .text = This browser no longer shows your connection with Spotify. The connection itself has not changed. If you are signed in at { $brand }, sign out there too.

## Connecting

cancelled = Not connected
    .text = You chose not to connect your account with Spotify, so nothing was changed. You can do it at any time.
    .step = Connect with Spotify
expired = Please start again
    .text = This page was open for too long, was used before, or was begun in another browser. Nothing was changed.
    .step = Start again
session-changed = Your sign-in has changed
    .text = Your sign-in at { $brand } ended or changed after you began here, so nothing was changed. Start again with the account that you want to use.
    .step = Start again
used-before = Your account may already be connected
    .text = This step was done before, so it was not done again. If you did it, your account at { $brand } may already be connected with Spotify.
    .step = See your connection
    .again = Start again
could-not-link = Spotify could not connect your account
    .text = Most likely, the Spotify account that you chose is already connected with another account at { $brand }.
    .other-account = Choose another Spotify account
    .other-account-text = Spotify asks you again, and shows which account you are using there.
    .remedies = If that does not help
    .content-access = See your connections at Spotify
    .content-access-text = It opens in a new tab. Sign in there with the Spotify account that you want to use and remove its connection with { $brand }. Then come back to this page and choose your Spotify account again.
    .unlink = Disconnect the previous Spotify account
    .unlink-text = If your account at { $brand } is connected with another Spotify account, disconnect that one here and then connect the right one.
no-entitlements = There is nothing to unlock yet
    .text = Your account at { $brand } has no subscription that can be heard on Spotify. Once you have one, come back and connect.
    .step = See subscriptions
consent-failed = Spotify reported an error
    .text = Spotify did not ask you to agree, but reported an error. It is not your fault, and trying again will probably not help. Nothing was changed.
    .step = Try again

## Trouble

spotify-unavailable = Spotify does not work just now
    .text = Spotify did not answer, or reported a problem, so this may not be done yet. It is not your fault, and it usually passes within minutes.
    .step = Try again
unavailable = One moment, please
    .text = We could not do this just now. Please try again in a minute.
    .step = Try again
internal-error = Something went wrong
    .text = It is our fault, not yours. Please try again later.
    .step = Try again
not-found = Nothing here
    .text = There is no such page.
malformed = This link does not work
    .text = Something in the address is missing or was changed on the way.
    .step = Start again

## Disconnecting

unlink = Disconnect from Spotify?
    .text = Spotify will no longer play what your account at { $brand } unlocks. Your account at { $brand } stays as it is.
    .step = Disconnect
    .keep = Keep it connected
# The same page, on the way to connecting another Spotify account.
unlink-to-relink = Disconnect the previous Spotify account?
    .text = The Spotify account that is connected now will no longer play what your account at { $brand } unlocks. Next, you connect the right one. Your account at { $brand } stays as it is.
form-refused = Please open the page again
    .text = This form was used before, is too old, or did not come from our page. Nothing was changed.
    .step = Open the page again
unlinked = Disconnected from Spotify
    .text = Your account at { $brand } is no longer connected with Spotify. You can connect it again at any time.
    .again = Connect with Spotify again
unlinked-to-relink = Now connect the right Spotify account
    .text = The previous Spotify account is disconnected. Spotify asks you again, and shows which account you are using there.
    .step = Choose a Spotify account

## The account page

# { $show } is a podcast's name. `.reference` stands before an id of letters and digits, which people read out to support; `.unlocked` above a list of names,
# such as "All access". `.listen-short` is a link after a podcast's name, `.listen` its whole meaning for screen readers. `.included-in` stands before the names
# of the subscriptions that unlock a podcast. In `.since`, { $day } and { $year } are numbers; write the date as people write it.
account = Your connection with Spotify
    .reference = Account reference:
    .linked = Connected
    .linked-text = Spotify has just confirmed that your account at { $brand } is connected.
    .since = Connected since { $month ->
        [month-1] January { $day }, { $year }
        [month-2] February { $day }, { $year }
        [month-3] March { $day }, { $year }
        [month-4] April { $day }, { $year }
        [month-5] May { $day }, { $year }
        [month-6] June { $day }, { $year }
        [month-7] July { $day }, { $year }
        [month-8] August { $day }, { $year }
        [month-9] September { $day }, { $year }
        [month-10] October { $day }, { $year }
        [month-11] November { $day }, { $year }
       *[month-12] December { $day }, { $year }
    }
    .not-linked = Not connected
    .not-linked-text = Spotify has just said that your account at { $brand } is not connected.
    .unknown = Not known just now
    .unknown-text = Spotify could not be asked whether your account is connected. Please look again in a few minutes.
    .pending = A change of your subscription is still on its way to Spotify. It usually arrives within minutes.
    .unlocked = Unlocked on Spotify
    .unlocked-nothing = Your account at { $brand } unlocks nothing on Spotify now.
    .shows = Shows
    .listen = Listen to { $show } on Spotify
    .listen-short = Listen
    .included-in = Included in
    .connect = Connect with Spotify
    .disconnect = Disconnect from Spotify
