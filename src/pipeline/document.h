// Document: a YAML text as a tree of nodes that know where they stand, with ${VAR} replaced.
//
// Replacement happens after parsing, in scalars only, so that a value can never add structure:
//   ${NAME}            the environment's value; unset is an error
//   ${NAME:-default}   the default when unset or empty
//   ${NAME:?message}   unset or empty is an error with this message
//   $${                a plain "${"
// Limits: 4 MiB of text, 64 levels deep, 200,000 values (an alias counts as a copy of what it
// names).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/source_text.h"

namespace millrace::pipeline {

// A mistake in the project, wherever it was found.
struct Problem {
  std::string file;  // as the user would name it, relative to the project's folder
  sql::Location where;
  std::string message;
  std::string suggestion;  // may be empty
  bool is_warning = false;

  // "pipeline.yaml:12:5: error: message (suggestion)".
  std::string ToString() const;
};
using Problems = std::vector<Problem>;

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  sql::Location where;      // of the value
  sql::Location key_where;  // of its key, for members of a map
  std::string text;         // kScalar, after replacement
  bool quoted = false;      // a quoted or block scalar is text even when it looks like a number
  bool block = false;       // a | or > scalar: its lines start one line below `where`
  bool folded = false;      // a > scalar: `text` has spaces where the file has line ends
  bool unresolved = false;  // a ${...} of it has no value, which was reported
  std::vector<Node> items;  // kList
  std::vector<std::pair<std::string, Node>> members;  // kMap, in the file's order

  const Node* Find(std::string_view key) const;
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

// Null node and problems on failure. Duplicate keys and variables without a value are problems too,
// and the rest of the document is read: the first of the keys counts, the scalar is `unresolved`.
// An empty `environment` leaves
// ${...} as it is.
Node ParseDocument(const std::string& file, std::string_view text, const Environment& environment,
                   Problems& problems);

}  // namespace millrace::pipeline
