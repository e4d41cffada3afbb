// Misbehaviour on demand: what a request gets instead of a clean page, drawn from seeded chances.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::users {

enum class FaultKind : uint8_t {
  kTooMany,      // "429":          429 with Retry-After; argument: its seconds (1)
  kServerError,  // "5xx":          argument: the status (503)
  kSlow,         // "slow":         the first byte comes late; argument: milliseconds (500)
  kCut,          // "cut":          the connection is closed without an answer
  kTruncated,    // "truncated":    Content-Length is right, half of the body comes
  kInvalidJson,  // "invalid_json": a whole HTTP answer with half a JSON document
  kMalformed,    // "malformed":    the chance is that of each record: no uuid, no e-mail or an
                 // impossible date
  kDuplicate,    // "duplicate":    the chance is that of each record: it repeats the one before
  kEndless,      // "endless":      `pages` is ignored: there is always another page
};

struct Fault {
  FaultKind kind;
  double chance = 1;  // 0..1, of the request or (malformed, duplicate) of a record
  int64_t argument = 0;
};

std::string_view FaultName(FaultKind kind);

// "429=0.05:2,5xx=0.02,malformed=0.001": name=chance[:argument], or the name alone for chance 1.
// kInvalidArgument names the part that is wrong.
Result<std::vector<Fault>> ParseFaults(std::string_view spec);

// The one transport fault (kTooMany..kInvalidJson) that request number `request` gets, or nullptr.
// The chances of one spec are disjoint parts of one draw, so they should not sum to more than 1.
const Fault* DrawTransportFault(const std::vector<Fault>& faults, uint64_t seed, uint64_t request);

// The chance of a record-level fault, 0 when it is not in the spec.
double ChanceOf(const std::vector<Fault>& faults, FaultKind kind);

}  // namespace millrace::users
