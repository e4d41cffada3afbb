// Keys of the column family "state". Names are sized, so that no query's keys are the beginning of
// another's.
//
//   'P' | name                                                     progress of a query
//   'S' | name size, 2 bytes | name | operator, 4 | key group, 1 | key     one entry of its state
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace millrace::store {

inline std::string ProgressKey(std::string_view query) { return "P" + std::string(query); }

inline std::string StatePrefix(std::string_view query) {
  std::string key = "S";
  AppendBig(key, static_cast<uint16_t>(query.size()));
  return key.append(query);
}

inline std::string StatePrefix(std::string_view query, uint32_t operator_id) {
  std::string key = StatePrefix(query);
  AppendBig(key, operator_id);
  return key;
}

inline std::string StateKey(std::string_view query, uint32_t operator_id, uint8_t key_group,
                            std::string_view key) {
  std::string full = StatePrefix(query, operator_id);
  full.push_back(static_cast<char>(key_group));
  return full.append(key);
}

}  // namespace millrace::store
