#include "page.h"

#include <chrono>

#include "base/hash.h"
#include "io/clock.h"
#include "nationality.h"

namespace millrace::users {
namespace {

constexpr int64_t kMsPerDay = 86400000;
constexpr int64_t kAgeReferenceMs = 1767225600000;  // ages are those of 2026-01-01
constexpr size_t kRecordBytesTypical = 1400;

class RecordWriter {
 public:
  RecordWriter(std::string& out, uint64_t seed, const Nationality& nationality,
               const PageSpec& spec, int64_t registered_ms)
      : out_(out),
        random_(seed),
        nationality_(nationality),
        fields_(spec.fields),
        registered_ms_(registered_ms) {}

  // Every value is drawn whatever is written, so a record's values do not depend on `inc` or on a
  // defect.
  Uuid Write(Defect defect) {
    female_ = random_.Next() & 1;
    first_ = Pick(female_ ? nationality_.women : nationality_.men);
    last_ = Pick(nationality_.families);
    number_ = static_cast<int64_t>(random_.Next() % 10000);
    const uint64_t high = random_.Next();
    const Uuid uuid = Uuid::FromRandom(high, random_.Next());
    out_ += '{';
    empty_ = true;
    if (Field(0)) Text(female_ ? "female" : "male");
    if (Field(1)) WriteName();
    if (Field(2)) WriteLocation();
    if (defect != Defect::kNoEmail && Field(3)) WriteEmail();
    if (Field(4)) WriteLogin(defect == Defect::kNoUuid ? nullptr : &uuid);
    if (Field(5)) WriteBirth(defect == Defect::kBadDate);
    if (Field(6)) WriteRegistered();
    if (Field(7)) WritePattern(nationality_.phone_pattern);
    if (Field(8)) WritePattern(nationality_.cell_pattern);
    if (Field(9)) WriteId();
    if (Field(10)) WritePicture();
    if (Field(11)) Text(nationality_.code);
    out_ += '}';
    return uuid;
  }

 private:
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[random_.Next() % from.size()];
  }

  // Begins a top-level field when it is wanted.
  bool Field(size_t index) {
    if ((fields_ >> index & 1) == 0) return false;
    if (!empty_) out_ += ',';
    empty_ = false;
    Text(kFieldNames[index]);
    out_ += ':';
    return true;
  }
  void Text(std::string_view text) {
    out_ += '"';
    out_ += text;
    out_ += '"';
  }
  void Number(int64_t number) {
    const fmt::format_int text(number);
    out_.append(text.data(), text.size());
  }
  void Hex(int digits) {
    constexpr char kHex[] = "0123456789abcdef";
    for (int at = 0; at < digits;) {
      uint64_t bits = random_.Next();
      for (int i = 0; i < 16 && at < digits; ++i, ++at, bits >>= 4) out_ += kHex[bits & 15];
    }
  }
  void AppendPattern(std::string_view pattern, bool number) {
    uint64_t bits = random_.Next();
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (i % 8 == 7) bits = random_.Next();
      const auto low = static_cast<uint32_t>(bits & 0xff);
      bits >>= 8;
      if (pattern[i] == '#') {
        out_ += static_cast<char>('0' + (number && i == 0 ? 1 + low % 9 : low % 10));
      } else if (pattern[i] == 'A') {
        out_ += static_cast<char>('A' + low % 26);
      } else {
        out_ += pattern[i];
      }
    }
  }
  void WritePattern(std::string_view pattern) {
    out_ += '"';
    AppendPattern(pattern, false);
    out_ += '"';
  }

  void WriteName() {
    out_ += R"({"title":")";
    constexpr std::string_view kWomen[] = {"Ms", "Mrs", "Miss", "Mademoiselle"};
    out_ += female_ ? kWomen[random_.Next() % 3] : "Mr";
    out_ += R"(","first":")";
    out_ += first_.own;
    out_ += R"(","last":")";
    out_ += last_.own;
    out_ += R"("})";
  }

  void WriteLocation() {
    const City& city = Pick(nationality_.cities);
    out_ += R"({"street":{"number":)";
    Number(static_cast<int64_t>(random_.Next() % 9900) + 1);
    out_ += R"(,"name":)";
    Text(Pick(nationality_.streets));
    out_ += R"(},"city":)";
    Text(city.name);
    out_ += R"(,"state":)";
    Text(city.state);
    out_ += R"(,"country":)";
    Text(nationality_.country);
    out_ += R"(,"postcode":)";
    const std::string_view pattern = nationality_.postcode_pattern;
    if (pattern.find_first_not_of('#') == std::string_view::npos) {
      AppendPattern(pattern, true);
    } else {
      WritePattern(pattern);
    }
    out_ += R"(,"coordinates":{"latitude":")";
    WriteDegrees(90);
    out_ += R"(","longitude":")";
    WriteDegrees(180);
    out_ += R"("},"timezone":{"offset":)";
    Text(nationality_.utc_offset);
    out_ += R"(,"description":)";
    Text(nationality_.zone_description);
    out_ += "}}";
  }

  void WriteDegrees(uint64_t limit) {
    const uint64_t bits = random_.Next();
    if (bits & 1) out_ += '-';
    Number(static_cast<int64_t>((bits >> 1) % limit));
    out_ += '.';
    const fmt::format_int fraction(10000 + (bits >> 20) % 10000);
    out_.append(fraction.data() + 1, 4);
  }

  void WriteEmail() {
    out_ += '"';
    for (char c : first_.latin) AppendLower(c);
    out_ += '.';
    for (char c : last_.latin) AppendLower(c);
    Number(number_);
    constexpr std::string_view kDomains[] = {"example.com", "example.org", "example.net",
                                             "mail.example.com"};
    out_ += '@';
    out_ += kDomains[number_ % 4];
    out_ += '"';
  }
  void AppendLower(char c) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c >= 'a' && c <= 'z') out_ += c;
  }

  void WriteLogin(const Uuid* uuid) {
    constexpr std::string_view kColours[] = {"amber",   "azure",  "crimson", "golden",
                                             "indigo",  "jade",   "olive",   "purple",
                                             "scarlet", "silver", "teal",    "white"};
    constexpr std::string_view kAnimals[] = {"badger", "bear",  "falcon", "gecko", "heron", "koala",
                                             "lynx",   "otter", "panda",  "swan",  "tiger", "wolf"};
    out_ += '{';
    if (uuid != nullptr) {
      out_ += R"("uuid":")";
      char text[36];
      uuid->Print(text);
      out_.append(text, sizeof(text));
      out_ += R"(",)";
    }
    const uint64_t bits = random_.Next();
    out_ += R"("username":")";
    out_ += kColours[bits % std::size(kColours)];
    out_ += kAnimals[(bits >> 16) % std::size(kAnimals)];
    Number(static_cast<int64_t>((bits >> 32) % 1000));
    out_ += R"(","password":")";
    Hex(8);
    out_ += R"(","salt":")";
    Hex(8);
    out_ += R"(","md5":")";
    Hex(32);
    out_ += R"(","sha1":")";
    Hex(40);
    out_ += R"(","sha256":")";
    Hex(64);
    out_ += R"("})";
  }

  void WriteDateAndAge(int64_t at_ms, bool impossible) {
    out_ += R"({"date":")";
    AppendIso(at_ms, impossible);
    out_ += R"(","age":)";
    Number(std::max<int64_t>(0, (kAgeReferenceMs - at_ms) / (kMsPerDay * 365)));
    out_ += '}';
  }
  void WriteBirth(bool impossible) {
    const uint64_t bits = random_.Next();
    const int64_t days = 365 * 14 + static_cast<int64_t>(bits % (365 * 66));
    WriteDateAndAge(
        kAgeReferenceMs - days * kMsPerDay + static_cast<int64_t>((bits >> 32) % kMsPerDay),
        impossible);
  }
  void WriteRegistered() { WriteDateAndAge(registered_ms_, false); }

  // "1992-03-08T15:13:16.688Z"; impossible: the 31st of February.
  void AppendIso(int64_t at_ms, bool impossible) {
    const int64_t day = at_ms / kMsPerDay - (at_ms % kMsPerDay < 0 ? 1 : 0);
    const int64_t in_day = at_ms - day * kMsPerDay;
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
    char text[] = "0000-00-00T00:00:00.000Z";
    Digits(text, static_cast<int>(date.year()), 4);
    Digits(text + 5, impossible ? 2 : static_cast<int>(static_cast<unsigned>(date.month())), 2);
    Digits(text + 8, impossible ? 31 : static_cast<int>(static_cast<unsigned>(date.day())), 2);
    Digits(text + 11, static_cast<int>(in_day / 3600000), 2);
    Digits(text + 14, static_cast<int>(in_day / 60000 % 60), 2);
    Digits(text + 17, static_cast<int>(in_day / 1000 % 60), 2);
    Digits(text + 20, static_cast<int>(in_day % 1000), 3);
    out_.append(text, 24);
  }
  static void Digits(char* to, int number, int width) {
    for (int i = width - 1; i >= 0; --i, number /= 10) to[i] = static_cast<char>('0' + number % 10);
  }

  void WriteId() {
    out_ += R"({"name":)";
    Text(nationality_.id_name);
    out_ += R"(,"value":)";
    if (nationality_.id_name.empty()) {
      out_ += "null";
    } else {
      WritePattern(nationality_.id_pattern);
    }
    out_ += '}';
  }

  void WritePicture() {
    const fmt::format_int number(random_.Next() % 100);
    const std::string_view who = female_ ? "women/" : "men/";
    const auto link = [&](std::string_view name, std::string_view folder) {
      out_ += name;
      out_ += R"("https://randomuser.me/api/portraits/)";
      out_ += folder;
      out_ += who;
      out_.append(number.data(), number.size());
      out_ += R"(.jpg")";
    };
    out_ += '{';
    link(R"("large":)", "");
    link(R"(,"medium":)", "med/");
    link(R"(,"thumbnail":)", "thumb/");
    out_ += '}';
  }

  std::string& out_;
  io::SeededRandom random_;
  const Nationality& nationality_;
  const uint32_t fields_;
  const int64_t registered_ms_;
  bool female_ = false;
  bool empty_ = true;
  Name first_;
  Name last_;
  int64_t number_ = 0;
};

Result<std::vector<const Nationality*>> Choose(std::string_view codes) {
  std::vector<const Nationality*> chosen;
  if (codes.empty())
    for (const Nationality& nationality : Nationalities()) chosen.push_back(&nationality);
  while (!codes.empty()) {
    const size_t end = std::min(codes.find(','), codes.size());
    const Nationality* nationality = FindNationality(codes.substr(0, end));
    if (nationality == nullptr)
      return Fail(ErrorCode::kInvalidArgument, "no nationality '{}'", codes.substr(0, end));
    chosen.push_back(nationality);
    codes.remove_prefix(std::min(end + 1, codes.size()));
  }
  return chosen;
}

Defect DrawDefect(io::Random& random, double chance) {
  const uint64_t bits = random.Next();
  if (static_cast<double>(bits >> 11) >= chance * 0x1p53) return Defect::kNone;
  return static_cast<Defect>(1 + bits % 3);
}

void AppendInfo(std::string& body, const PageSpec& spec) {
  body += R"(],"info":{"seed":")";
  AppendJsonEscaped(body, spec.seed);
  body += fmt::format(R"(","results":{},"page":{},"version":"1.4"}}}})", spec.results, spec.page);
}

}  // namespace

std::string_view DefectName(Defect defect) {
  switch (defect) {
    case Defect::kNone:
      return "";
    case Defect::kNoUuid:
      return "no_uuid";
    case Defect::kNoEmail:
      return "no_email";
    case Defect::kBadDate:
      return "bad_date";
  }
  return "";
}

void AppendJsonEscaped(std::string& to, std::string_view text) {
  for (char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      to += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      to += c;
    }
  }
}

Result<Page> MakePage(const PageSpec& spec) {
  MR_ASSIGN(const auto nationalities, Choose(spec.nationalities));
  Page page;
  page.body.reserve(static_cast<size_t>(spec.results) * kRecordBytesTypical + 256);
  page.records.reserve(static_cast<size_t>(spec.results));
  page.body += R"({"results":[)";
  const uint64_t seed = Hash64(spec.seed, static_cast<uint64_t>(spec.page));
  io::SeededRandom draw(seed ^ 0x646566656374ULL);
  size_t last_begin = 0;
  for (int64_t i = 0; i < spec.results; ++i) {
    const Defect defect = DrawDefect(draw, spec.malformed);
    const bool repeat = static_cast<double>(draw.Next() >> 11) < spec.duplicate * 0x1p53 && i > 0;
    const auto* nationality = nationalities[draw.Next() % nationalities.size()];
    if (repeat) {
      const std::string again = page.body.substr(last_begin);
      last_begin = page.body.size() + 1;
      page.body += ',';
      page.body += again;
      page.records.push_back(page.records.back());
      continue;
    }
    if (i > 0) page.body += ',';
    last_begin = page.body.size();
    const int64_t ordinal = (spec.page - 1) * spec.results + i;
    RecordWriter writer(page.body, seed + static_cast<uint64_t>(i), *nationality, spec,
                        spec.registered_base_ms + ordinal * spec.registered_step_ms);
    const Uuid uuid = writer.Write(defect);
    page.records.push_back({uuid, Hash64(std::string_view(page.body).substr(last_begin)), defect});
  }
  AppendInfo(page.body, spec);
  return page;
}

}  // namespace millrace::users
