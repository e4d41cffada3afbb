// The frame around the log's own small files: 4 bytes of name, version u32, body length u32, the
// body, CRC-32C of everything before it; little-endian.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::log {

// `name` has 4 characters.
std::string FrameBody(std::string_view name, uint32_t version, std::string_view body);
// The body. kDamaged: cut, changed, or not of this name; kUnsupported: a newer version, written by
// a newer Millrace.
Result<std::string_view> UnframeBody(std::string_view name, uint32_t version,
                                     std::string_view bytes);

}  // namespace millrace::log
