// Base64 (RFC 4648).
//
// Thread contract: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace {

// Padded. AppendBase64 appends.
void AppendBase64(std::string_view bytes, std::string& to);
std::string EncodeBase64(std::string_view bytes);
// Padding is optional; nullopt for other characters, white space included.
std::optional<std::string> DecodeBase64(std::string_view text);

// The alphabet for URLs and file names, without padding.
std::string EncodeBase64Url(std::string_view bytes);
std::optional<std::string> DecodeBase64Url(std::string_view text);

}  // namespace millrace
