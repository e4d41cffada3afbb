// Reference files: CSV with a header line (RFC 4180), right as a whole or not at all. A reference's
// key is unique, so that a look-up joins one row or none, in a stream and in a batch alike.
//
// Thread contract: pure functions.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/column.h"

namespace millrace::connect {

// What is wrong with a reference's text, and on which line (from 1; 0: the file as a whole).
struct ReferenceError {
  size_t line = 0;
  std::string message;
};

// All rows of `text`. `key` names columns of `schema`, none: not checked; rows with a NULL in it
// match nothing and may repeat.
std::expected<data::Batch, ReferenceError> ReadReference(std::string_view text,
                                                         const data::Schema& schema,
                                                         std::span<const std::string> key);

}  // namespace millrace::connect
