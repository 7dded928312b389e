# What people read on soa-link's pages, in Turkish. en.ftl is the source; see there for what each text is for.

## On every page

back = { $brand } sitesine dön
help = Yardım al
request-id = İstek kimliği:

## Signing in

signed-out = Lütfen önce oturum açın
    .text = Bu tarayıcıda { $brand } sitesinde oturum açmış kimse yok. Orada oturum açın, ardından hesabınızı Spotify’a bağlamayı yeniden seçin.
sign-in = Oturum aç
sign-in-refused = Lütfen yeniden oturum açın
    .text = Oturum açma işleminizin süresi dolmuş, bu işlem daha önce kullanılmış veya başka bir tarayıcıda başlatılmış. Hiçbir şey değiştirilmedi.
    .step = Yeniden oturum aç
sign-in-cancelled = Oturum açmadınız
    .text = Oturum açmadan geri döndünüz, bu nedenle hiçbir şey değiştirilmedi. İstediğiniz zaman oturum açabilirsiniz.
    .step = Oturum aç
sign-in-unavailable = Şu anda oturum açılamıyor
    .text = Oturum açma sayfasına ulaşamadık. Bu sizin hatanız değil ve sorun genellikle birkaç dakika içinde düzelir. Hiçbir şey değiştirilmedi.
    .step = Yeniden dene

## Linking

cancelled = Hesap bağlanmadı
    .text = Hesabınızı Spotify’a bağlamamayı seçtiniz, bu nedenle hiçbir şey değiştirilmedi. Hesabınızı istediğiniz zaman bağlayabilirsiniz.
    .step = Spotify’a bağla
expired = Lütfen baştan başlayın
    .text = Bu sayfa çok uzun süre açık kalmış, daha önce kullanılmış veya işlem başka bir tarayıcıda başlatılmış. Hiçbir şey değiştirilmedi.
    .step = Baştan başla
used-before = Hesabınız zaten bağlı olabilir
    .text = Bu adım daha önce yapıldığı için yeniden yapılmadı. Bunu siz yaptıysanız { $brand } hesabınız Spotify’a zaten bağlı olabilir.
    .step = Bağlantınızı görün
    .again = Baştan başla
could-not-link = Spotify, hesabınızı bağlayamadı
    .text = Spotify bağlantıyı kabul etmedi. Bu kadarı kesin; nedeni ise kesin değil.
    .likely = Büyük olasılıkla iki hesaptan biri zaten başka bir hesaba bağlı: Spotify hesabınız başka bir { $brand } hesabına ya da { $brand } hesabınız başka bir Spotify hesabına.
    .remedies = En kolayından başlayarak yapabilecekleriniz:
    .other-account = Başka bir Spotify hesabı seç
    .other-account-text = Spotify size yeniden sorar ve orada hangi hesabı kullandığınızı gösterir.
    .content-access = Spotify’daki bağlantıları gör
    .content-access-text = Yeni sekmede açılır. Kullanmak istediğiniz Spotify hesabıyla orada oturum açın ve bu hesabın { $brand } bağlantısını kaldırın. Ardından bu sayfaya dönüp ilk seçeneği seçin.
    .unlink = Önceki Spotify hesabının bağlantısını kes
    .unlink-text = { $brand } hesabınız başka bir Spotify hesabına bağlıysa o Spotify hesabının bağlantısını burada kesin, ardından doğru hesabı bağlayın.
no-entitlements = Henüz kilidi açılacak bir şey yok
    .text = { $brand } hesabınızda Spotify’da dinlenebilecek bir abonelik yok. Böyle bir aboneliğiniz olduğunda geri gelip hesabınızı bağlayın.
    .step = Abonelikleri gör

## Trouble

spotify-unavailable = Spotify yanıt vermiyor
    .text = Az önce Spotify’a ulaşılamadı, bu nedenle işlem henüz yapılmadı. Bu sizin hatanız değil ve sorun genellikle birkaç dakika içinde düzelir.
    .step = Yeniden dene
unavailable = Lütfen biraz bekleyin
    .text = Bunu şu an için yapamadık. Lütfen bir dakika sonra yeniden deneyin.
    .step = Yeniden dene
internal-error = Bir sorun oluştu
    .text = Bu bizim hatamız, sizin değil. Lütfen daha sonra yeniden deneyin. Sorun tekrarlanırsa aşağıdaki istek kimliğini destek ekibine bildirin.
    .step = Yeniden dene
not-found = Burada bir şey yok
    .text = Böyle bir sayfa yok.
malformed = Bu link çalışmıyor
    .text = Adresin bir kısmı eksik ya da yolda değişmiş.
    .step = Baştan başla

## Unlinking

unlink = Spotify bağlantısı kesilsin mi?
    .text = Aboneliğinizle { $brand } içeriklerini artık Spotify’da dinleyemeyeceksiniz. Aboneliğin kendisi devam eder.
    .step = Bağlantıyı kes
    .keep = Bağlı kalsın
unlink-to-relink = Önceki Spotify hesabının bağlantısı kesilsin mi?
    .text = Şu anda { $brand } hesabınıza bağlı olan Spotify hesabı artık bu yayıncının içeriklerini çalmayacak. Ardından doğru hesabı bağlayacaksınız. Aboneliğiniz devam eder.
form-refused = Lütfen sayfayı yeniden açın
    .text = Bu form daha önce kullanılmış, çok eski veya bizim sayfamızdan gelmemiş. Hiçbir şey değiştirilmedi.
    .step = Sayfayı yeniden aç
unlinked = Spotify bağlantısı kesildi
    .text = Hesabınız artık Spotify’a bağlı değil. Aboneliğiniz devam ediyor ve hesabınızı istediğiniz zaman yeniden bağlayabilirsiniz.
    .again = Spotify’a yeniden bağla
unlinked-to-relink = Şimdi doğru Spotify hesabını bağlayın
    .text = Önceki Spotify hesabının bağlantısı kesildi. Spotify size yeniden sorar ve orada hangi hesabı kullandığınızı gösterir.
    .step = Spotify hesabı seç

## The account page

account = Spotify bağlantınız
    .name = { $brand } sitesinde { $name } olarak oturum açıldı
    .reference = Hesap referansı:
    .linked = Bağlı
    .linked-text = Spotify, { $brand } hesabınızın bağlı olduğunu az önce doğruladı.
    .not-linked = Bağlı değil
    .not-linked-text = Spotify, { $brand } hesabınızın bağlı olmadığını az önce bildirdi.
    .unknown = Şu anda bilinmiyor
    .unknown-text = Hesabınızın bağlı olup olmadığı Spotify’a sorulamadı. Lütfen birkaç dakika sonra yeniden bakın.
    .unlocked = Spotify’da kilidi açılanlar:
    .unlocked-nothing = Aboneliğiniz henüz Spotify’da hiçbir şeyin kilidini açmıyor.
    .shows = Podcast’ler
    .listen = { $show } podcast’ini Spotify’da dinle
    .connect = Spotify’a bağla
    .disconnect = Spotify bağlantısını kes
