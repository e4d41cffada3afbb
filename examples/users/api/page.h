// One page of made-up users, a pure function of its PageSpec: the same spec gives the same bytes on
// every machine. A ledger entry holds the spec, so a checker can make the page again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace millrace::users {

// What was done to a record so that a pipeline has to refuse it.
enum class Defect : uint8_t { kNone, kNoUuid, kNoEmail, kBadDate };
std::string_view DefectName(Defect defect);  // "", "no_uuid", "no_email", "bad_date"

// Top-level fields of a record, as bits; `inc` of a request chooses among them.
inline constexpr std::string_view kFieldNames[] = {"gender", "name", "location",   "email",
                                                   "login",  "dob",  "registered", "phone",
                                                   "cell",   "id",   "picture",    "nat"};
inline constexpr uint32_t kAllFields = (1u << std::size(kFieldNames)) - 1;

struct PageSpec {
  std::string seed = {};
  int64_t page = 1;
  int64_t results = 1;
  uint32_t fields = kAllFields;
  std::string nationalities = {};  // "" for all, else codes: "DE,JP"
  // registered.date of record i (from 0) of page p: base + ((p - 1) * results + i) * step.
  int64_t registered_base_ms = 1767225600000;  // 2026-01-01T00:00:00Z
  int64_t registered_step_ms = 100;
  double malformed = 0;  // chance of each record to have a defect
  double duplicate = 0;  // chance of each record but the first to repeat the one before it
};

struct RecordFact {
  Uuid uuid;          // what the record would carry, also when a defect left it out
  uint64_t hash = 0;  // Hash64 of the record's bytes
  Defect defect = Defect::kNone;
};

struct Page {
  std::string body;  // {"results":[...],"info":{...}}
  std::vector<RecordFact> records;
};

// kInvalidArgument: an unknown nationality.
Result<Page> MakePage(const PageSpec& spec);

// Appends `text` as the inside of a JSON string.
void AppendJsonEscaped(std::string& to, std::string_view text);

}  // namespace millrace::users
