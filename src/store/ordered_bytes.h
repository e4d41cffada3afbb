// Order-preserving forms of serialised values: comparing two as bytes gives the order that
// Cassandra's type gives the values, and none is the beginning of another. Layouts:
// docs/formats/table-row.md, "Clustering columns".
#pragma once

#include <string>
#include <string_view>

#include "store/cql_type.h"

namespace millrace::store {

// Takes one value off the front of `from` and gives its serialised form; false when there is none.
bool TakeOrdered(const CqlType& type, bool descending, std::string_view& from,
                 std::string& serialized);

// Size of escaped bytes with their closing 00 00 at the start of `from`; 0 when they do not close.
size_t EscapedSize(std::string_view from);
// The bytes again; `escaped` with its closing.
std::string Unescaped(std::string_view escaped);

}  // namespace millrace::store
