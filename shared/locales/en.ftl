# What people read on soa-link's pages, in English: the source of all other languages. The format is Fluent,
# https://projectfluent.org/fluent/guide/.
#
# { $brand } is the partner's name, as in "Wickerlight", or its host name, as in "www.example.com". It cannot be inflected.
# "Spotify" stays as it is. A message's own text is the page's title; `.text` says what happened, `.step` is the one button.

## On every page

back = Back to { $brand }
help = Get help
# Before an id of letters and digits, which people read out to support.
request-id = Request ID:

## Signing in

signed-out = Please sign in first
    .text = Nobody is signed in at { $brand } in this browser. Sign in there, then choose to connect with Spotify again.
# On the signed-out page within a frame of the partner's site, where people cannot sign in.
sign-in = Sign in
sign-in-refused = Please sign in again
    .text = Your sign-in has run out, was used before, or was begun in another browser. Nothing was changed.
    .step = Sign in again
sign-in-cancelled = You did not sign in
    .text = You turned back before you had signed in, so nothing was changed. You can sign in at any time.
    .step = Sign in
sign-in-unavailable = Signing in does not work just now
    .text = We could not reach the place where you sign in. It is not your fault, and it usually passes within minutes. Nothing was changed.
    .step = Try again

## Linking

cancelled = Not connected
    .text = You chose not to connect your account with Spotify, so nothing was changed. You can do it at any time.
    .step = Connect with Spotify
expired = Please start again
    .text = This page was open for too long, was used before, or was begun in another browser. Nothing was changed.
    .step = Start again
used-before = Your account may already be connected
    .text = This step was done before, so it was not done again. If you did it, your account at { $brand } may already be connected with Spotify.
    .step = See your connection
    .again = Start again
could-not-link = Spotify could not connect your account
    .text = Spotify did not accept the connection. That much is certain; the reason is not.
    .likely = Most likely, one of the two accounts is already connected with another one: your Spotify account with another account at { $brand }, or your account at { $brand } with another Spotify account.
    .remedies = What you can do, the easiest first:
    .other-account = Choose another Spotify account
    .other-account-text = Spotify asks you again, and shows which account you are using there.
    .content-access = See your connections at Spotify
    .content-access-text = It opens in a new tab. Sign in there with the Spotify account that you want to use and remove its connection with { $brand }. Then come back to this page and choose the first option.
    .unlink = Disconnect the previous Spotify account
    .unlink-text = If your account at { $brand } is connected with another Spotify account, disconnect that one here and then connect the right one.
no-entitlements = There is nothing to unlock yet
    .text = Your account at { $brand } has no subscription that can be heard on Spotify. Once you have one, come back and connect.
    .step = See subscriptions

## Trouble

spotify-unavailable = Spotify does not answer
    .text = Spotify could not be reached just now, so this is not done yet. It is not your fault, and it usually passes within minutes.
    .step = Try again
unavailable = One moment, please
    .text = We could not do this just now. Please try again in a minute.
    .step = Try again
internal-error = Something went wrong
    .text = It is our fault, not yours. Please try again later. If it happens again, tell support the request ID below.
    .step = Try again
not-found = Nothing here
    .text = There is no such page.
malformed = This link does not work
    .text = Something in the address is missing or was changed on the way.
    .step = Start again

## Unlinking

unlink = Disconnect from Spotify?
    .text = You will no longer hear { $brand } on Spotify with your subscription. The subscription itself goes on.
    .step = Disconnect
    .keep = Keep it connected
# The same page, on the way to connecting another Spotify account.
unlink-to-relink = Disconnect the previous Spotify account?
    .text = The Spotify account that is connected with your account at { $brand } now will no longer play it. Next, you connect the right one. Your subscription goes on.
form-refused = Please open the page again
    .text = This form was used before, is too old, or did not come from our page. Nothing was changed.
    .step = Open the page again
unlinked = Disconnected from Spotify
    .text = Your account is no longer connected with Spotify. Your subscription goes on, and you can connect again at any time.
    .again = Connect with Spotify again
unlinked-to-relink = Now connect the right Spotify account
    .text = The previous Spotify account is disconnected. Spotify asks you again, and shows which account you are using there.
    .step = Choose a Spotify account

## The account page

# { $name } is the person's name or e-mail address, { $show } a podcast's name. `.reference` stands before an id of letters and digits, which people read out
# to support; `.unlocked` before a list of names, such as "all-access".
account = Your connection with Spotify
    .name = Signed in at { $brand } as { $name }
    .reference = Account reference:
    .linked = Connected
    .linked-text = Spotify has just confirmed that your account at { $brand } is connected.
    .not-linked = Not connected
    .not-linked-text = Spotify has just said that your account at { $brand } is not connected.
    .unknown = Not known just now
    .unknown-text = Spotify could not be asked whether your account is connected. Please look again in a few minutes.
    .unlocked = Unlocked on Spotify:
    .unlocked-nothing = Your subscription unlocks nothing on Spotify yet.
    .shows = Shows
    .listen = Listen to { $show } on Spotify
    .connect = Connect with Spotify
    .disconnect = Disconnect from Spotify
