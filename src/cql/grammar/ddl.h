// The DDL part of CQL 3.4: CREATE KEYSPACE, CREATE TYPE, CREATE TABLE, with comments, several
// statements a text.
//
//   DdlScript script = ParseDdl("tables.cql", text);
//   for (const DdlError& error : script.errors) Show(error.ToString());   // "tables.cql:3:14:
//   unknown type 'itn' (did you mean 'int'?)" for (const DdlStatement& statement :
//   script.statements) ...
//
// Case rules as CQL: unquoted identifiers are folded to lower case, "quoted" ones kept, keywords in
// any case. Text that is no statement is an error, never an exception; after an error parsing goes
// on behind the next ';', so that all mistakes show at once. Tables and types name their keyspace
// themselves or take the one of a USE before them.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cql/grammar/place.h"
#include "store/schema.h"

namespace millrace::cql {

struct DdlError {
  std::string file;
  Place place;
  std::string message;
  std::string suggestion;  // may be empty

  // "file:line:column: message (suggestion)".
  std::string ToString() const;
};

struct DdlStatement {
  std::variant<store::Keyspace, store::UserType, store::TableSchema> what;
  bool if_not_exists = false;
  Place place;
};

struct DdlScript {
  std::vector<DdlStatement> statements;
  std::vector<DdlError> errors;
  // Ok, or the first error with the number of further ones, as kInvalidArgument.
  Status ToStatus() const;
};

// Texts longer than this are refused.
inline constexpr size_t kDdlBytesMax = size_t{16} << 20;

// `file` is only named in errors. `known_types`: user types that exist already; those of the text
// come on top.
DdlScript ParseDdl(std::string_view file, std::string_view text,
                   const std::vector<store::UserType>& known_types = {});

}  // namespace millrace::cql
