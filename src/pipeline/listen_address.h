// The address of a listener as the project file writes it: "127.0.0.1:7070", "[::1]:7070", "off".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace millrace::pipeline {

struct ListenAddress {
  std::string host;   // numeric, without brackets
  uint16_t port = 0;  // 0: any free one
};

// nullopt for "off". kInvalidArgument: no address, or none of this machine alone: there is no login
// yet, so nobody else may come in.
Result<std::optional<ListenAddress>> ParseListenAddress(const std::string& text);

}  // namespace millrace::pipeline
