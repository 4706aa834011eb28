"""What people are called, and where: the lists that sample users are drawn from.

Telephone numbers are from the ranges that the countries keep for fiction, and addresses under the domains that
RFC 2606 reserves, so that no sample reaches anybody. Countries without such a range have no numbers here.
"""

# ruff: noqa: RUF001 -- a letter that looks like another is no mistake in a name

from dataclasses import dataclass

from roster.domain.text import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An office and the names of those who work there. `phone` lacks its last digits, as many as `phone_digits`."""

    city: str
    locale: str
    timezone: str
    phone: str | None
    phone_digits: int
    given: tuple[str, ...]
    family: tuple[str, ...]


def _site(  # noqa: PLR0913 -- one line of a table
    city: str,
    locale: str,
    timezone: str,
    *,
    given: str,
    family: str,
    phone: str | None = None,
    digits: int = 0,
) -> Site:
    return Site(
        city=city,
        locale=locale,
        timezone=timezone,
        phone=phone,
        phone_digits=digits,
        given=tuple(given.split(", ")),
        family=tuple(family.split(", ")),
    )


# Of family names that differ for women and men none is here: anybody may get any.
SITES = (
    _site(
        *("London", "en-GB", "Europe/London"),
        given="Oliver, Amelia, Harry, Isla, George, Poppy, Alfie, Florence, Callum, Imogen, Rhys, Siân, Ewan, Zoë, Niamh, Declan",
        family="Smith, Jones, Taylor, Brown, Williams, Davies, Evans, Wilson, Thomas, Roberts, Johnson, Lewis, Walker, Robinson, Wood, Thompson, White, Hughes, O'Connor, Fitzgerald, MacLeod, Whitaker",
        phone="+4420794600",
        digits=2,
    ),
    _site(
        *("New York", "en-US", "America/New_York"),
        given="Liam, Emma, Noah, Ava, Mason, Sophia, Jayden, Harper, Tyler, Madison, Brooklyn, Jordan, Brontë, Caleb, Naomi, Renée",
        family="Miller, Anderson, Jackson, Harris, Martin, Clark, Hall, Young, Allen, King, Wright, Scott, Green, Baker, Adams, Nelson, Carter, Mitchell, Perez, Campbell, Washington, Goldberg",
        phone="+121255501",
        digits=2,
    ),
    _site(
        *("Berlin", "de-DE", "Europe/Berlin"),
        given="Jürgen, Anneliese, Björn, Käthe, Lukas, Hannah, Felix, Mia, Jonas, Leonie, Matthias, Ursula, Götz, Bärbel, Torsten, Sabine",
        family="Müller, Schmidt, Schneider, Fischer, Weber, Meyer, Wagner, Schäfer, Koch, Bauer, Richter, Klein, Wolf, Schröder, Neumann, Schwarz, Zimmermann, Krüger, Groß, Weiß, Köhler, Jäger",
        phone="+493023125",
        digits=3,
    ),
    _site(
        *("Lyon", "fr-FR", "Europe/Paris"),
        given="Chloé, Théo, Élodie, François, Hélène, Jérôme, Anaïs, Benoît, Océane, Rémi, Gaëlle, Loïc, Margaux, Hugo, Inès, Maëlys",
        family="Martin, Bernard, Dubois, Durand, Lefèvre, Moreau, Laurent, Lemaître, Michel, Garnier, Bénard, Roux, Fournier, Girard, Mercier, Dupont, Lambert, Bonnet, Rousseau, Gauthier, Crépin, Besançon",
    ),
    _site(
        *("Madrid", "es-ES", "Europe/Madrid"),
        given="Lucía, José, María, Álvaro, Sofía, Jesús, Inés, Andrés, Noelia, Iñigo, Carmen, Óscar, Rocío, Raúl, Begoña, Martín",
        family="García, Fernández, González, Rodríguez, López, Martínez, Sánchez, Pérez, Gómez, Jiménez, Ruiz, Hernández, Díaz, Muñoz, Álvarez, Romero, Navarro, Domínguez, Vázquez, Ibáñez, Peña, de la Cruz",
    ),
    _site(
        *("São Paulo", "pt-BR", "America/Sao_Paulo"),
        given="João, Beatriz, Antônio, Júlia, Caio, Letícia, Fábio, Luíza, Otávio, Conceição, Thiago, Estêvão, Débora, Vinícius, Larissa, Renan",
        family="Silva, Santos, Oliveira, Souza, Lima, Pereira, Ferreira, Costa, Almeida, Araújo, Gonçalves, Assunção, Ribeiro, Carvalho, Teixeira, Magalhães, Cardoso, Falcão, Nóbrega, da Conceição, Brandão, Simões",
    ),
    _site(
        *("Warsaw", "pl-PL", "Europe/Warsaw"),
        given="Łukasz, Zofia, Michał, Małgorzata, Paweł, Agnieszka, Stanisław, Grażyna, Wojciech, Bożena, Rafał, Jadwiga, Mirosław, Elżbieta, Błażej, Kinga",
        family="Nowak, Kowalczyk, Dudek, Wójcik, Pietrzak, Walczak, Baran, Woźniak, Michalak, Sikora, Mazur, Duda, Krawczyk, Piątek, Szewczyk, Marciniak, Król, Wróbel, Wieczorek, Stępień, Łuczak, Żak",
    ),
    _site(
        *("Prague", "cs-CZ", "Europe/Prague"),
        given="Jiří, Tereza, Tomáš, Eliška, Ondřej, Zuzana, Václav, Kateřina, Matěj, Barbora, Radek, Markéta, Štěpán, Božena, Vojtěch, Anežka",
        family="Krejčí, Kočí, Dolejší, Hořejší, Martinů, Petrů, Janů, Pavlů, Jakubů, Matějů, Jirků, Kubů, Tomšů, Havlů, Blahů, Bartů, Vojtů, Šimků, Janků, Václavů, Tomků, Macků",
    ),
    _site(
        *("Gothenburg", "sv-SE", "Europe/Stockholm"),
        given="Åsa, Göran, Linnéa, Björk, Elin, Måns, Märta, Östen, Saga, Hjalmar, Ebba, Sören, Tuva, Åke, Freja, Malte",
        family="Andersson, Johansson, Karlsson, Nilsson, Eriksson, Larsson, Olsson, Lindström, Bergström, Sjöberg, Åkesson, Öberg, Söderlund, Hellström, Nyström, Ekström, Löfgren, Dahl, Engström, Sandberg, Håkansson, Ångström",
        phone="+4684650040",
        digits=1,
    ),
    _site(
        *("Istanbul", "tr-TR", "Europe/Istanbul"),
        given="Ayşe, Mehmet, Zeynep, Çağlar, Gülşen, İbrahim, Elif, Ömer, Şule, Uğur, Işıl, Yiğit, Nazlı, Barış, Özlem, Kerem",
        family="Yılmaz, Kaya, Demir, Çelik, Şahin, Yıldız, Öztürk, Aydın, Özdemir, Arslan, Doğan, Kılıç, Aslan, Çetin, Koç, Kurt, Şimşek, Polat, Güneş, Erdoğdu, Ünal, Işık",
    ),
    _site(
        *("Hanoi", "vi-VN", "Asia/Ho_Chi_Minh"),
        given="Anh, Bảo, Châu, Dũng, Đức, Giang, Hạnh, Hương, Khánh, Linh, Minh, Ngọc, Phúc, Quỳnh, Thảo, Tuấn",
        family="Nguyễn, Trần, Lê, Phạm, Hoàng, Huỳnh, Phan, Vũ, Võ, Đặng, Bùi, Đỗ, Hồ, Ngô, Dương, Lý, Đinh, Mai, Trịnh, Lương, Tạ, Quách",
    ),
    _site(
        *("Bengaluru", "en-IN", "Asia/Kolkata"),
        given="Aarav, Ananya, Arjun, Diya, Ishaan, Kavya, Rohan, Priya, Vikram, Meera, Aditya, Lakshmi, Siddharth, Nandini, Karthik, Sunita",
        family="Sharma, Patel, Singh, Kumar, Reddy, Iyer, Nair, Gupta, Rao, Menon, Chatterjee, Banerjee, Desai, Joshi, Kulkarni, Mehta, Pillai, Bhat, Mukherjee, Chopra, Agarwal, Naidu",
    ),
    _site(
        *("Tokyo", "ja-JP", "Asia/Tokyo"),
        given="Haruto, Yūki, Sakura, Kōji, Aoi, Ryō, Hina, Shōta, Yōko, Kenji, Mei, Daichi, Akari, Jun, Tarō, Emi",
        family="Satō, Suzuki, Takahashi, Tanaka, Watanabe, Itō, Yamamoto, Nakamura, Kobayashi, Katō, Yoshida, Yamada, Sasaki, Inoue, Kimura, Hayashi, Shimizu, Saitō, Gotō, Ōno, Kondō, Endō",
    ),
    _site(
        *("Kyiv", "uk-UA", "Europe/Kyiv"),
        given="Оксана, Тарас, Наталія, Богдан, Леся, Андрій, Соломія, Остап, Ірина, Микола, Катерина, Юрій, Олена, Данило, Марічка, Сергій",
        family="Шевченко, Коваленко, Бондаренко, Ткаченко, Кравченко, Олійник, Шевчук, Поліщук, Бойко, Мельник, Лисенко, Марченко, Савченко, Руденко, Петренко, Клименко, Гончар, Мороз, Сидоренко, Павленко, Костюк, Франко",
    ),
    _site(
        *("Athens", "el-GR", "Europe/Athens"),
        given="Γιώργος, Ελένη, Νίκος, Μαρία, Δημήτρης, Κατερίνα, Κώστας, Σοφία, Στέλιος, Αγγελική, Ηλίας, Ιωάννα, Θάνος, Φωτεινή, Πέτρος, Δέσποινα",
        family="Παπαϊωάννου, Οικονόμου, Γεωργίου, Νικολάου, Δημητρίου, Βασιλείου, Αθανασίου, Χρήστου, Αλεξίου, Ιωάννου, Παναγιώτου, Αντωνίου, Λάμπρου, Σταύρου, Μιχαήλ, Κωνσταντίνου, Ζαφειρίου, Κυριάκου, Στεφάνου, Θεοδώρου, Αναγνώστου, Αναστασίου",
    ),
    _site(
        *("Lagos", "en-NG", "Africa/Lagos"),
        given="Adébáyọ̀, Ngozi, Chinedu, Fọlákẹ́, Ifeoma, Tunde, Amaka, Ọláolúwa, Zainab, Emeka, Yétúndé, Musa, Chiamaka, Ṣadé, Obinna, Halima",
        family="Okafor, Adéyẹmí, Okonkwo, Balógun, Eze, Abubakar, Nwosu, Ọládipọ̀, Ogunleye, Ibrahim, Chukwu, Adéwálé, Bello, Uzoma, Fálọlá, Danjuma, Nnamdi, Ọ̀ṣúnlàjà, Obi, Yusuf, Akinwándé, Lawal",
    ),
    _site(
        *("Seoul", "ko-KR", "Asia/Seoul"),
        given="Min-jun, Seo-yeon, Ji-ho, Ha-eun, Do-yun, Soo-ah, Ye-jun, Ji-woo, Hyun-woo, Eun-ji, Tae-hyung, Yu-na, Sung-min, Bo-ra, Jae-won, Mi-sook",
        family="Kim, Lee, Park, Choi, Jung, Kang, Cho, Yoon, Jang, Lim, Han, Oh, Seo, Shin, Kwon, Hwang, Ahn, Song, Ryu, Hong, Moon, Bae",
    ),
    _site(
        *("Cairo", "ar-EG", "Africa/Cairo"),
        given="Yasmin, Omar, Fatma, Khaled, Nour, Mahmoud, Salma, Tarek, Mariam, Hassan, Dina, Youssef, Aya, Karim, Rania, Sherif",
        family="Hassan, Ibrahim, Mahfouz, Mansour, Farouk, El-Sayed, Abdallah, Naguib, Shaheen, Khalil, Soliman, Fahmy, Zaki, Gaber, Haddad, Salem, Sabry, Mostafa, Amin, Helmy, Rashad, Tawfik",
    ),
)

DEPARTMENTS = (
    *("Engineering", "Engineering", "Engineering", "Sales", "Sales", "Support", "Support", "Operations"),
    *("Finance", "Human Resources", "Legal", "Marketing", "Product", "Research", "Security", "Facilities"),
)

# What services do; each has a username from here.
JOBS = tuple(
    f"{subject}-{task}"
    for task in ("sync", "export", "import", "monitor", "worker", "backup", "bot", "webhook")
    for subject in (
        *("billing", "payroll", "crm", "tickets", "warehouse", "calendar", "inventory", "metrics"),
        *("mail", "archive", "search", "leave", "badge", "wiki", "release", "survey"),
    )
)

# What the fold leaves beyond ASCII, and what an address has no place for.
_ONE_FOR_ONE = str.maketrans(
    "łđıабвгдезиклмнопрстуфіαβγδεζηικλμνξοπρστυφω", "ldiabvhdezyklmnoprstufiavgdeziiklmnxoprstyfo", "' ь"
)
_SEVERAL_FOR_ONE = str.maketrans(
    dict(
        zip("жхцчшщюяєθχ", ("zh", "kh", "ts", "ch", "sh", "shch", "yu", "ya", "ye", "th", "ch"), strict=True)
    )
)


def ascii_of(name: str) -> str:
    """The name as it stands in an address: lower-case ASCII."""
    return fold(name).replace("ου", "ou").translate(_ONE_FOR_ONE).translate(_SEVERAL_FOR_ONE)
