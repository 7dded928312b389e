# What people read on soa-link's pages, in Turkish. en.ftl is the source; see there for what each text is for.

## On every page

back = { $brand } sitesine dön
help = Yardım al
request-id = İstek kimliği:
tell-support = Sorun tekrarlanırsa aşağıdaki istek kimliğini destek ekibine bildirin.
identity = { $brand } sitesinde oturum açtınız.
    .named = { $brand } sitesinde { $name } olarak oturum açtınız.
    .not-you = Bu siz değil misiniz?

## Signing in

signed-out = Lütfen önce oturum açın
    .text = Bu tarayıcıda { $brand } sitesinde oturum açmamışsınız. Orada oturum açın, ardından bu sayfaya dönün.
session-rejected = Lütfen yeniden oturum açın
    .text = { $brand } sitesindeki oturumunuzun süresi dolmuş veya bu oturum burada kullanılamıyor. Orada yeniden oturum açın, ardından bu sayfaya dönün.
sign-in = Oturum aç
sign-in-refused = Lütfen yeniden oturum açın
    .text = Oturum açma işleminizin süresi dolmuş, bu işlem daha önce kullanılmış veya başka bir tarayıcıda başlatılmış. Hiçbir şey değiştirilmedi.
    .step = Yeniden oturum aç
sign-in-impossible = Burada oturum açılamıyor
    .text = { $brand } sitesi sizi buraya, kabul edemediğimiz bir oturum açma işlemiyle yönlendirdi. Bu sizin hatanız değil ve yeniden denemek muhtemelen işe yaramayacak. Hiçbir şey değiştirilmedi.
sign-in-cancelled = Oturum açmadınız
    .text = Oturum açmadan geri döndünüz, bu nedenle hiçbir şey değiştirilmedi. İstediğiniz zaman oturum açabilirsiniz.
    .step = Oturum aç
sign-in-unavailable = Şu anda oturum açılamıyor
    .text = Oturum açma işleminizi doğrulayan hizmete ulaşamadık. Bu sizin hatanız değil ve sorun genellikle birkaç dakika içinde düzelir. Hiçbir şey değiştirilmedi.
    .step = Yeniden dene
visit-ended = Bu sayfadaki oturumunuz kapatıldı
    .text = Bu tarayıcı artık Spotify bağlantınızı göstermiyor. Bağlantının kendisi değişmedi. { $brand } sitesinde oturumunuz açıksa orada da oturumu kapatın.

## Connecting

cancelled = Hesap bağlanmadı
    .text = Hesabınızı Spotify’a bağlamamayı seçtiniz, bu nedenle hiçbir şey değiştirilmedi. Hesabınızı istediğiniz zaman bağlayabilirsiniz.
    .step = Spotify’a bağla
expired = Lütfen baştan başlayın
    .text = Bu sayfa çok uzun süre açık kalmış, daha önce kullanılmış veya işlem başka bir tarayıcıda başlatılmış. Hiçbir şey değiştirilmedi.
    .step = Baştan başla
session-changed = Oturumunuz değişti
    .text = Burada başladıktan sonra { $brand } sitesindeki oturumunuz sona erdi veya değişti, bu nedenle hiçbir işlem yapılmadı. Kullanmak istediğiniz hesapla baştan başlayın.
    .step = Baştan başla
used-before = Hesabınız zaten bağlı olabilir
    .text = Bu adım daha önce yapıldığı için yeniden yapılmadı. Bunu siz yaptıysanız { $brand } hesabınız Spotify’a zaten bağlı olabilir.
    .step = Bağlantıyı gör
    .again = Baştan başla
could-not-link = Spotify, hesabınızı bağlayamadı
    .text = Seçtiğiniz Spotify hesabı büyük olasılıkla zaten başka bir { $brand } hesabına bağlı.
    .other-account = Başka bir Spotify hesabı seç
    .other-account-text = Spotify size yeniden sorar ve orada hangi hesabı kullandığınızı gösterir.
    .remedies = Bu işe yaramazsa
    .content-access = Spotify’daki bağlantıları gör
    .content-access-text = Yeni sekmede açılır. Kullanmak istediğiniz Spotify hesabıyla orada oturum açın ve bu hesabın { $brand } bağlantısını kaldırın. Ardından bu sayfaya dönüp Spotify hesabınızı yeniden seçin.
    .unlink = Önceki Spotify hesabının bağlantısını kes
    .unlink-text = { $brand } hesabınız başka bir Spotify hesabına bağlıysa o Spotify hesabının bağlantısını burada kesin, ardından doğru hesabı bağlayın.
no-entitlements = Henüz kilidi açılacak bir şey yok
    .text = { $brand } hesabınızda Spotify’da dinlenebilecek bir abonelik yok. Böyle bir aboneliğiniz olduğunda geri gelip hesabınızı bağlayın.
    .step = Abonelikleri gör
consent-failed = Spotify bir hata bildirdi
    .text = Spotify, onayınızı istemek yerine bir hata bildirdi. Bu sizin hatanız değil ve yeniden denemek muhtemelen işe yaramayacak. Hiçbir şey değiştirilmedi.
    .step = Yeniden dene

## Trouble

spotify-unavailable = Spotify şu anda çalışmıyor
    .text = Spotify yanıt vermedi veya bir sorun bildirdi, bu nedenle işlem henüz yapılmamış olabilir. Bu sizin hatanız değil ve sorun genellikle birkaç dakika içinde düzelir.
    .step = Yeniden dene
unavailable = Lütfen biraz bekleyin
    .text = Bunu şu an için yapamadık. Lütfen bir dakika sonra yeniden deneyin.
    .step = Yeniden dene
internal-error = Bir sorun oluştu
    .text = Bu bizim hatamız, sizin değil. Lütfen daha sonra yeniden deneyin.
    .step = Yeniden dene
not-found = Burada bir şey yok
    .text = Böyle bir sayfa yok.
malformed = Bu link çalışmıyor
    .text = Adresin bir kısmı eksik ya da yolda değişmiş.
    .step = Baştan başla

## Disconnecting

unlink = Spotify bağlantısı kesilsin mi?
    .text = Spotify, { $brand } hesabınızın kilidini açtığı içerikleri artık çalmayacak. { $brand } hesabınız olduğu gibi kalır.
    .step = Bağlantıyı kes
    .keep = Bağlı kalsın
unlink-to-relink = Önceki Spotify hesabının bağlantısı kesilsin mi?
    .text = Şu anda bağlı olan Spotify hesabı, { $brand } hesabınızın kilidini açtığı içerikleri artık çalmayacak. Ardından doğru hesabı bağlayacaksınız. { $brand } hesabınız olduğu gibi kalır.
form-refused = Lütfen sayfayı yeniden açın
    .text = Bu form daha önce kullanılmış, çok eski veya bizim sayfamızdan gelmemiş. Hiçbir şey değiştirilmedi.
    .step = Sayfayı yeniden aç
unlinked = Spotify bağlantısı kesildi
    .text = { $brand } hesabınız artık Spotify’a bağlı değil. Hesabınızı istediğiniz zaman yeniden bağlayabilirsiniz.
    .again = Spotify’a yeniden bağla
unlinked-to-relink = Şimdi doğru Spotify hesabını bağlayın
    .text = Önceki Spotify hesabının bağlantısı kesildi. Spotify size yeniden sorar ve orada hangi hesabı kullandığınızı gösterir.
    .step = Spotify hesabı seç

## The account page

account = Spotify bağlantınız
    .reference = Hesap referansı:
    .linked = Bağlı
    .linked-text = Spotify, { $brand } hesabınızın bağlı olduğunu az önce doğruladı.
    .since = { $month ->
        [month-1] { $day } Ocak { $year }
        [month-2] { $day } Şubat { $year }
        [month-3] { $day } Mart { $year }
        [month-4] { $day } Nisan { $year }
        [month-5] { $day } Mayıs { $year }
        [month-6] { $day } Haziran { $year }
        [month-7] { $day } Temmuz { $year }
        [month-8] { $day } Ağustos { $year }
        [month-9] { $day } Eylül { $year }
        [month-10] { $day } Ekim { $year }
        [month-11] { $day } Kasım { $year }
       *[month-12] { $day } Aralık { $year }
    } tarihinden beri bağlı
    .not-linked = Bağlı değil
    .not-linked-text = Spotify, { $brand } hesabınızın bağlı olmadığını az önce bildirdi.
    .unknown = Şu anda bilinmiyor
    .unknown-text = Hesabınızın bağlı olup olmadığı Spotify’a sorulamadı. Lütfen birkaç dakika sonra yeniden bakın.
    .pending = Aboneliğinizdeki bir değişiklik henüz Spotify’a ulaşmadı. Genellikle birkaç dakika içinde ulaşır.
    .unlocked = Spotify’da kilidi açılanlar
    .unlocked-nothing = { $brand } hesabınız şu anda Spotify’da hiçbir şeyin kilidini açmıyor.
    .shows = Podcast’ler
    .listen = { $show } podcast’ini Spotify’da dinle
    .listen-short = Dinle
    .included-in = Dahil olduğu abonelikler
    .connect = Spotify’a bağla
    .disconnect = Spotify bağlantısını kes
