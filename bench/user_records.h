// User records as the users API serves them, cut to the fields that the created_users query uses:
// about 500 bytes each, deterministic, one in 1,000 malformed (cut off in the middle). Random
// version-4 UUIDs are the keys.
#pragma once

#include <cstdint>
#include <string>

#include "io/clock.h"

namespace millrace::bench {

struct UserRecord {
  std::string key;  // the UUID
  std::string value;
  std::string email;  // to verify rows by
  bool malformed = false;
};

class UserRecords {
 public:
  explicit UserRecords(uint64_t seed) : random_(seed) {}
  UserRecord Next();

 private:
  const char* Pick(const char* const* from, size_t count) { return from[random_.Next() % count]; }

  io::SeededRandom random_;
  uint64_t number_ = 0;
};

}  // namespace millrace::bench
