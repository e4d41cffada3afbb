#include "user_records.h"

#include <fmt/format.h>

#include "base/uuid.h"
#include "data/value.h"

namespace millrace::bench {
namespace {

constexpr const char* kFirst[] = {"Emma", "Liam",  "Olivia", "Noah",  "Ava",    "Oliver",
                                  "Mia",  "Lucas", "Sofía",  "Mateo", "Hannah", "Jonas"};
constexpr const char* kLast[] = {"Smith", "Martin", "García",   "Müller", "Rossi",
                                 "Silva", "Hansen", "Virtanen", "Jansen", "Dubois"};
constexpr const char* kStreet[] = {"Main Street", "Church Road", "Rue de la Paix",
                                   "Hauptstraße", "Calle Mayor", "Storgatan"};
constexpr const char* kCity[] = {"Springfield", "Bristol", "Lyon",    "Hamburg", "Valencia",
                                 "Braga",       "Aarhus",  "Tampere", "Utrecht"};
constexpr const char* kState[] = {"Illinois", "Avon",  "Rhône",   "Hessen",
                                  "Aragon",   "Minho", "Jylland", "Pirkanmaa"};
constexpr const char* kCountry[] = {
    "United States", "United Kingdom", "France",      "Germany", "Spain",     "Portugal", "Denmark",
    "Finland",       "Netherlands",    "Switzerland", "Canada",  "Australia", "Ireland",  "Norway"};
constexpr const char* kDomain[] = {"example.com", "Example.ORG", "mail.example.net",
                                   "post.example.com"};
constexpr int64_t kRegisteredFromUs = 1704067200000000;  // 2024-01-01
constexpr uint64_t kMalformedEach = 1000;

std::string Iso(int64_t micros) {
  std::string text = data::FormatTimestamp(micros / 1000 * 1000);
  text[10] = 'T';
  if (text.size() == 19) text += ".000";
  while (text.size() < 23) text += '0';
  return text + 'Z';
}

}  // namespace

UserRecord UserRecords::Next() {
  const auto pick = [this](const auto& list) { return list[random_.Next() % std::size(list)]; };
  UserRecord record;
  const uint64_t high = random_.Next();
  record.key = Uuid::FromRandom(high, random_.Next()).ToString();
  const char* first = pick(kFirst);
  const char* last = pick(kLast);
  const uint64_t number = random_.Next();
  record.email = fmt::format("user{}.{}@{}", number % 100000, number_, pick(kDomain));
  const int64_t born = -790000000000000 + static_cast<int64_t>(random_.Next() % 2050000000000000);
  const int64_t registered = kRegisteredFromUs + static_cast<int64_t>(number_) * 20000 +
                             static_cast<int64_t>(number % 10000) * 1000;
  const std::string postcode = number % 3 == 0 ? fmt::format("\"{:05}\"", number % 100000)
                                               : fmt::format("{}", number % 90000 + 10000);
  record.value = fmt::format(
      R"({{"gender":"{}","name":{{"first":"{}","last":"{}"}},"location":{{"street":{{"number":{},"name":"{}"}},"city":"{}",)"
      R"("state":"{}","country":"{}","postcode":{}}},"email":"{}","login":{{"uuid":"{}","username":"{}{}"}},)"
      R"("dob":{{"date":"{}","age":{}}},"registered":{{"date":"{}","age":2}},"phone":"({:03}) {:03}-{:04}",)"
      R"("picture":{{"large":"https://pics.example.com/portraits/{}.jpg"}}}})",
      number & 1 ? "female" : "male", first, last, number % 9999 + 1, pick(kStreet), pick(kCity),
      pick(kState), pick(kCountry), postcode, record.email, record.key, first, number % 10000,
      Iso(born), 2026 - 1970 - born / 31556952000000, Iso(registered), number % 1000,
      number / 7 % 1000, number / 11 % 10000, number % 100);
  if (++number_ % kMalformedEach == 0) {
    record.malformed = true;
    record.value.resize(record.value.size() * 2 / 3);
  }
  return record;
}

}  // namespace millrace::bench
