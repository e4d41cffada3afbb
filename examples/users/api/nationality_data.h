// The data behind nationality.h: lists are separated by commas; "own|latin" in names, "city|state"
// in places.
#pragma once

#include <string_view>

namespace millrace::users {

struct NationalityText {
  std::string_view code, country, utc_offset, zone_description;
  std::string_view postcode_pattern, phone_pattern, cell_pattern, id_name, id_pattern;
  std::string_view men, women, families, cities, streets;
};

inline constexpr NationalityText kNationalityTexts[] = {
    {"AU", "Australia", "+10:00", "Eastern Australia, Guam, Vladivostok", "####", "0#-####-####",
     "04##-###-###", "TFN", "#########",
     "Jack,Lachlan,Cooper,Angus,Harrison,Riley,Flynn,Darcy,Callum,Bailey",
     "Matilda,Sienna,Imogen,Isla,Zara,Ruby,Georgia,Willow,Poppy,Indiana",
     "Smith,Walker,Campbell,Fraser,Macdonald,Harvey,Lambert,Boyd,Gibson,Wallace,Doyle,Carr",
     "Sydney|New South Wales,Melbourne|Victoria,Brisbane|Queensland,Perth|Western Australia,"
     "Hobart|Tasmania,Darwin|Northern Territory,Geelong|Victoria,Cairns|Queensland",
     "Wheeler Ridge Road,Harbour Esplanade,Eucalyptus Drive,Station Street,Wattle Grove,"
     "Bondi Parade"},
    {"BR", "Brazil", "-3:00", "Brazil, Buenos Aires, Georgetown", "#####", "(##) ####-####",
     "(##) #####-####", "CPF", "###.###.###-##",
     "João|joao,Mateus,Luís|luis,Caio,Thiago,Rafael,Antônio|antonio,Vinícius|vinicius,Davi,Otávio|"
     "otavio",
     "Ana,Beatriz,Júlia|julia,Letícia|leticia,Camila,Mariana,Sofia,Helena,Larissa,Débora|debora",
     "Silva,Souza,Gonçalves|goncalves,Araújo|araujo,Conceição|conceicao,Moraes,Ribeiro,Teixeira,"
     "Pereira,Magalhães|magalhaes,Farias,Nunes",
     "São Paulo|São Paulo,Brasília|Distrito Federal,Salvador|Bahia,Belém|Pará,Goiânia|Goiás,"
     "Florianópolis|Santa Catarina,Manaus|Amazonas,Recife|Pernambuco",
     "Rua das Flores,Avenida Brasil,Rua São João,Travessa da Paz,Alameda dos Anjos,Rua Bela Vista"},
    {"CN", "China", "+8:00", "Beijing, Perth, Singapore, Hong Kong", "######", "0##-####-####",
     "1##-####-####", "", "",
     "伟|wei,强|qiang,磊|lei,洋|yang,勇|yong,军|jun,杰|jie,涛|tao,明|ming,志强|zhiqiang",
     "芳|fang,娜|na,秀英|xiuying,敏|min,静|jing,丽|li,艳|yan,雪梅|xuemei,玉兰|yulan,婷|ting",
     "王|wang,李|li,张|zhang,刘|liu,陈|chen,杨|yang,赵|zhao,黄|huang,周|zhou,吴|wu,欧阳|ouyang,林|"
     "lin",
     "北京|北京市,上海|上海市,广州|广东省,成都|四川省,杭州|浙江省,西安|陕西省,武汉|湖北省,青岛|"
     "山东省",
     "人民路,中山路,解放大道,建设街,和平路,长江路"},
    {"DE", "Germany", "+1:00", "Brussels, Copenhagen, Madrid, Paris", "#####", "0###-#######",
     "017#-#######", "SVNR", "## ###### A ###",
     "Jürgen|juergen,Björn|bjoern,Götz|goetz,Lukas,Finn,Matthias,Günther|guenther,Jörg|joerg,Emil,"
     "Ludwig",
     "Käthe|kaethe,Annegret,Heike,Sabine,Ursula,Mia,Lieselotte,Frieda,Jördis|joerdis,Hannelore",
     "Müller|mueller,Schröder|schroeder,Weiß|weiss,Köhler|koehler,Schäfer|schaefer,Groß|gross,"
     "Vogel,Bäcker|baecker,Krüger|krueger,Hofmann,Jäger|jaeger,Lindemann",
     "Köln|Nordrhein-Westfalen,München|Bayern,Nürnberg|Bayern,Göttingen|Niedersachsen,"
     "Lübeck|Schleswig-Holstein,Dresden|Sachsen,Berlin|Berlin,Tübingen|Baden-Württemberg",
     "Hauptstraße,Bahnhofstraße,Schillerstraße,Mühlenweg,Kirchgasse,Am Bächle"},
    {"EG", "Egypt", "+2:00", "Kaliningrad, South Africa", "#####", "02-####-####", "01#-####-####",
     "", "",
     "محمد|mohamed,أحمد|ahmed,محمود|mahmoud,يوسف|youssef,عمر|omar,خالد|khaled,حسن|hassan,كريم|"
     "karim,"
     "طارق|tarek,إبراهيم|ibrahim",
     "فاطمة|fatma,مريم|mariam,نور|nour,سارة|sara,هدى|hoda,ياسمين|yasmin,منى|mona,آية|aya,ليلى|"
     "laila,دينا|dina",
     "السيد|elsayed,حسين|hussein,مصطفى|mostafa,عبد "
     "الله|abdallah,صالح|saleh,منصور|mansour,فاروق|farouk,"
     "نجيب|naguib,الشريف|elsherif,رمضان|ramadan",
     "القاهرة|القاهرة,الإسكندرية|الإسكندرية,الجيزة|الجيزة,أسوان|أسوان,الأقصر|الأقصر,طنطا|الغربية",
     "شارع التحرير,شارع النيل,شارع الجمهورية,شارع رمسيس,شارع فيصل"},
    {"ES", "Spain", "+1:00", "Brussels, Copenhagen, Madrid, Paris", "#####", "9##-###-###",
     "6##-###-###", "DNI", "########-A",
     "Íñigo|inigo,José|jose,Ángel|angel,Joaquín|joaquin,Martín|martin,Álvaro|alvaro,Pablo,Hugo,"
     "Sergio,Iván|ivan",
     "Lucía|lucia,Begoña|begona,Inés|ines,Rocío|rocio,Noelia,Ángeles|angeles,Carmen,Marta,Elena,"
     "Belén|belen",
     "Muñoz|munoz,Ibáñez|ibanez,García|garcia,Núñez|nunez,Peña|pena,Hernández|hernandez,Ortega,"
     "Castaño|castano,Méndez|mendez,Vázquez|vazquez,Rubio,Santos",
     "Málaga|Andalucía,Córdoba|Andalucía,A Coruña|Galicia,León|Castilla y León,Gijón|Asturias,"
     "Castellón|Comunidad Valenciana,Zaragoza|Aragón,Cáceres|Extremadura",
     "Calle Mayor,Paseo de la Castellana,Calle de Alcalá,Avenida de España,Ronda de Toledo,"
     "Calle del Pez"},
    {"FI", "Finland", "+2:00", "Helsinki, Kyiv, Riga, Sofia", "#####", "0#-###-###",
     "04#-###-##-##", "HETU", "######-###A",
     "Väinö|vaino,Eetu,Onni,Jääski|jaaski,Töre|tore,Niilo,Aleksi,Mikko,Ilmari,Jyri",
     "Päivi|paivi,Aino,Siiri,Äänetär|aanetar,Venla,Helmi,Minttu,Lilja,Iida,Kaisa",
     "Mäkinen|makinen,Hämäläinen|hamalainen,Korhonen,Nieminen,Lehtonen,Ylönen|ylonen,Järvi|jarvi,"
     "Pelkonen,Wirtanen,Öhman|ohman",
     "Jyväskylä|Central Finland,Hämeenlinna|Tavastia Proper,Helsinki|Uusimaa,Kempele|Northern "
     "Ostrobothnia,"
     "Närpiö|Ostrobothnia,Ähtäri|Southern Ostrobothnia",
     "Hämeenkatu,Mannerheimintie,Pyynikintie,Tehtaankatu,Verkatehtaankatu,Esplanadi"},
    {"FR", "France", "+1:00", "Brussels, Copenhagen, Madrid, Paris", "#####", "0#-##-##-##-##",
     "06-##-##-##-##", "INSEE", "#############",
     "Étienne|etienne,François|francois,Loïc|loic,Rémi|remi,Théo|theo,Gaël|gael,Maël|mael,Lucas,"
     "Bastien,Benoît|benoit",
     "Zoé|zoe,Chloé|chloe,Hélène|helene,Maëlys|maelys,Noémie|noemie,Léa|lea,Camille,Agnès|agnes,"
     "Océane|oceane,Margaux",
     "Lefèvre|lefevre,Garçon|garcon,Gérard|gerard,Dupré|dupre,Bélanger|belanger,Leroy,Mercier,"
     "Rousseau,Chevalier,Noël|noel,Fournier,Béranger|beranger",
     "Orléans|Loiret,Besançon|Doubs,Nîmes|Gard,Saint-Étienne|Loire,Lyon|Rhône,Angoulême|Charente,"
     "Évreux|Eure,Strasbourg|Bas-Rhin",
     "Rue de l'Église,Place de la Mairie,Avenue du Château,Rue des Écoles,Rue Gambetta,"
     "Boulevard Voltaire"},
    {"GB", "United Kingdom", "0:00", "Western Europe Time, London, Lisbon, Casablanca", "A## #AA",
     "01### ######", "07### ######", "NINO", "AA ## ## ## A",
     "Oliver,Harry,Alfie,Archie,Rhys,Nigel,Graham,Hamish,Ewan,Rupert",
     "Amelia,Olivia,Florence,Gwen,Elsie,Harriet,Bronwen,Fiona,Beatrice,Maisie",
     "Jones,Taylor,O'Connor|oconnor,Evans,Hughes,Ashworth,Fletcher,Whittaker,McKenzie|mckenzie,"
     "Thornton,Barnes,Pritchard",
     "Leeds|West Yorkshire,Cardiff|South "
     "Glamorgan,Glasgow|Strathclyde,Bristol|Avon,Norwich|Norfolk,"
     "Derry|County Londonderry,Exeter|Devon,York|North Yorkshire",
     "High Street,Church Lane,Victoria Road,Mill Lane,The Crescent,King's Parade"},
    {"GR", "Greece", "+2:00", "Athens, Helsinki, Kyiv", "### ##", "2#########", "69########", "ΑΦΜ",
     "#########",
     "Γιώργος|giorgos,Δημήτρης|dimitris,Κώστας|kostas,Νίκος|nikos,Αλέξανδρος|alexandros,Σπύρος|"
     "spyros,"
     "Θανάσης|thanasis,Λευτέρης|lefteris",
     "Μαρία|maria,Ελένη|eleni,Αικατερίνη|aikaterini,Βασιλική|vasiliki,Σοφία|sofia,Αγγελική|"
     "angeliki,"
     "Ιωάννα|ioanna,Δέσποινα|despoina",
     "Παπαδόπουλος|papadopoulos,Οικονόμου|oikonomou,Γεωργίου|georgiou,Νικολάου|nikolaou,Αθανασίου|"
     "athanasiou,"
     "Βλάχος|vlachos,Δημητρίου|dimitriou,Χατζής|chatzis,Μακρής|makris",
     "Αθήνα|Αττική,Θεσσαλονίκη|Κεντρική Μακεδονία,Πάτρα|Δυτική "
     "Ελλάδα,Ηράκλειο|Κρήτη,Λάρισα|Θεσσαλία,"
     "Ιωάννινα|Ήπειρος",
     "Οδός Ερμού,Λεωφόρος Συγγρού,Οδός Αθηνάς,Πλατεία Συντάγματος,Οδός Αριστοτέλους"},
    {"IN", "India", "+5:30", "Bombay, Calcutta, Madras, New Delhi", "######", "0##-########",
     "9#########", "UIDAI", "############",
     "आरव|aarav,विवान|vivaan,अर्जुन|arjun,राहुल|rahul,रोहित|rohit,सूरज|suraj,अमित|amit,कृष्ण|krishna,देव|"
     "dev,मोहन|mohan",
     "प्रिया|priya,अनन्या|ananya,दीपिका|deepika,काव्या|kavya,सीता|sita,मीरा|meera,लक्ष्मी|lakshmi,आशा|"
     "asha,नेहा|neha,पूजा|pooja",
     "शर्मा|sharma,वर्मा|verma,सिंह|singh,गुप्ता|gupta,पटेल|patel,रेड्डी|reddy,मिश्रा|mishra,जोशी|joshi,"
     "नायर|nair,चौहान|chauhan",
     "मुंबई|महाराष्ट्र,दिल्ली|दिल्ली,जयपुर|राजस्थान,लखनऊ|उत्तर प्रदेश,भोपाल|मध्य "
     "प्रदेश,पटना|बिहार,अहमदाबाद|गुजरात",
     "महात्मा गांधी मार्ग,स्टेशन रोड,नेहरू मार्ग,राजपथ,टैगोर मार्ग"},
    {"IR", "Iran", "+3:30", "Tehran", "#####", "0##-########", "09##-###-####", "", "",
     "علی|ali,محمدرضا|mohammadreza,امیر|amir,آرین|aryan,پارسا|parsa,رضا|reza,مهدی|mahdi,کیان|kian,"
     "سپهر|sepehr",
     "نازنین|nazanin,زهرا|zahra,پریا|parya,الناز|elnaz,مهسا|mahsa,ستایش|setayesh,یلدا|yalda,شیدا|"
     "sheida,گلاره|gelare",
     "محمدی|mohammadi,حسینی|hosseini,کریمی|karimi,رضایی|rezaei,جعفری|jafari,نجاتی|nejati,پارسا|"
     "parsa,"
     "گلشن|golshan,سهیلی‌راد|soheilirad",
     "تهران|تهران,اصفهان|اصفهان,شیراز|فارس,تبریز|آذربایجان شرقی,مشهد|خراسان رضوی,اهواز|خوزستان",
     "خیابان آزادی,میدان انقلاب,خیابان ولیعصر,خیابان فردوسی,پارک ملت"},
    {"JP", "Japan", "+9:00", "Tokyo, Seoul, Osaka, Sapporo, Yakutsk", "###-####", "0#-####-####",
     "090-####-####", "", "",
     "翔太|shota,大輔|daisuke,健太|kenta,蓮|ren,悠真|yuma,拓海|takumi,一郎|ichiro,さとし|satoshi,"
     "直樹|naoki,ケン|ken",
     "さくら|sakura,美咲|misaki,陽菜|hina,結衣|yui,花子|hanako,あかり|akari,真由美|mayumi,ユリ|"
     "yuri,楓|kaede,恵子|keiko",
     "佐藤|sato,鈴木|suzuki,高橋|takahashi,田中|tanaka,渡辺|watanabe,伊藤|ito,山本|yamamoto,中村|"
     "nakamura,"
     "小林|kobayashi,斎藤|saito,髙田|takada,五十嵐|igarashi",
     "東京|東京都,大阪|大阪府,京都|京都府,札幌|北海道,福岡|福岡県,仙台|宮城県,那覇|沖縄県,名古屋|"
     "愛知県",
     "中央通り,桜通り,駅前通り,御堂筋,四条通"},
    {"KR", "South Korea", "+9:00", "Tokyo, Seoul, Osaka, Sapporo, Yakutsk", "#####", "02-####-####",
     "010-####-####", "", "",
     "민준|minjun,서준|seojun,도윤|doyun,예준|yejun,시우|siwoo,지호|jiho,현우|hyunwoo,준서|junseo",
     "서연|seoyeon,지우|jiwoo,서현|seohyun,민서|minseo,하은|haeun,수빈|subin,지민|jimin,은지|eunji",
     "김|kim,이|lee,박|park,최|choi,정|jung,강|kang,조|cho,윤|yoon,남궁|namgung,한|han",
     "서울|서울특별시,부산|부산광역시,대구|대구광역시,수원|경기도,제주|제주특별자치도,전주|"
     "전라북도",
     "세종대로,강남대로,종로,한강대로,올림픽로"},
    {"RS", "Serbia", "+1:00", "Belgrade, Budapest, Warsaw", "#####", "0##-####-###", "06#-####-###",
     "SID", "#########",
     "Никола|nikola,Милош|milos,Душан|dusan,Ђорђе|djordje,Жарко|zarko,Љубомир|ljubomir,Његош|"
     "njegos,"
     "Стефан|stefan,Вук|vuk",
     "Јелена|jelena,Милица|milica,Ана|ana,Љиљана|ljiljana,Драгана|dragana,Јована|jovana,Ђурђа|"
     "djurdja,"
     "Теодора|teodora,Сања|sanja",
     "Јовановић|jovanovic,Петровић|petrovic,Ђурић|djuric,Николић|nikolic,Живковић|zivkovic,"
     "Шћепановић|scepanovic,"
     "Илић|ilic,Његован|njegovan,Чолић|colic",
     "Београд|Град Београд,Нови Сад|Јужна Бачка,Ниш|Нишавски,Крагујевац|Шумадија,Суботица|Северна "
     "Бачка,"
     "Ужице|Златиборски",
     "Кнез Михаилова,Цара Душана,Булевар Ослобођења,Његошева,Светог Саве"},
    {"TR", "Turkey", "+3:00", "Istanbul, Baghdad, Riyadh", "#####", "(###)-###-####",
     "(5##)-###-####", "", "",
     "Çağan|cagan,Şahin|sahin,Oğuz|oguz,İbrahim|ibrahim,Yiğit|yigit,Ömer|omer,Ümit|umit,Mert,Kaan,"
     "Gökhan|gokhan",
     "Gülşen|gulsen,Ayşe|ayse,İrem|irem,Çiğdem|cigdem,Şeyma|seyma,Özge|ozge,Büşra|busra,Elif,Defne,"
     "Tuğba|tugba",
     "Yılmaz|yilmaz,Öztürk|ozturk,Çelik|celik,Şimşek|simsek,Güneş|gunes,Koç|koc,Kılıç|kilic,Aydın|"
     "aydin,"
     "Doğan|dogan,Tekelioğlu|tekelioglu",
     "İstanbul|İstanbul,İzmir|İzmir,Eskişehir|Eskişehir,Muğla|Muğla,Şanlıurfa|Şanlıurfa,Ankara|"
     "Ankara,"
     "Çanakkale|Çanakkale",
     "Atatürk Caddesi,İstiklal Caddesi,Bağdat Caddesi,Fatih Sokağı,Çınar Sokak"},
    {"UA", "Ukraine", "+2:00", "Helsinki, Kyiv, Riga, Sofia", "#####", "(0##) ###-####",
     "(09#) ###-####", "", "",
     "Олександр|oleksandr,Тарас|taras,Ярослав|yaroslav,Богдан|bohdan,Їжак|yizhak,Юрій|yuriy,Остап|"
     "ostap,"
     "Єгор|yehor,Мирослав|myroslav",
     "Оксана|oksana,Наталія|nataliya,Ярина|yaryna,Соломія|solomiya,Євгенія|yevheniya,Злата|zlata,"
     "Ївга|yivha,Мар'яна|maryana,Леся|lesya",
     "Шевченко|shevchenko,Коваленко|kovalenko,Бондаренко|bondarenko,Ткачук|tkachuk,Кравець|kravets,"
     "Лисенко|lysenko,Гончар|honchar,Їжакевич|yizhakevych,Щербак|shcherbak",
     "Київ|Київська,Львів|Львівська,Харків|Харківська,Одеса|Одеська,Чернівці|Чернівецька,"
     "Ужгород|Закарпатська",
     "вулиця Хрещатик,проспект Свободи,вулиця Шевченка,площа Ринок,вулиця Лесі Українки"},
    {"US", "United States", "-5:00", "Eastern Time (US & Canada), Bogota, Lima", "#####",
     "(###) ###-####", "(###) ###-####", "SSN", "###-##-####",
     "James,Wyatt,Elijah,Mason,Carlos,Terrence,Logan,Austin,Wade,Dwayne,Jeremiah,Ethan",
     "Ava,Charlotte,Savannah,Brooklyn,Madison,Abigail,Latoya,Peyton,Harper,Kaylee,Naomi,Grace",
     "Johnson,Williams,Martinez,Washington,Anderson,Jefferson,Ramirez,Hawkins,Bishop,Sullivan,"
     "Crawford,Kowalski",
     "Austin|Texas,Portland|Oregon,Savannah|Georgia,Boise|Idaho,Albany|New York,Fresno|California,"
     "Duluth|Minnesota,Santa Fe|New Mexico",
     "Elm Street,Washington Avenue,Oak Lane,Sunset Boulevard,2nd Avenue,Maple Court,Ranch Road,"
     "Lincoln Way"},
};

}  // namespace millrace::users
