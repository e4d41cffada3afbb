// Scope: the columns that names may refer to at one place of a query, with the qualifiers they
// answer to.
//
//   SELECT u.name.first FROM users u     columns of `users` under the qualifier "u"
//
// Names match ignoring ASCII case, as in Spark.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sql/expr.h"

namespace millrace::sql {

struct ScopeColumn {
  std::vector<std::string> qualifier;  // {"u"}, {"users", "by_id"}; empty: none
  std::string name;
  ExprPtr expr;                 // over the schema of the plan node below
  bool hidden = false;          // not part of *
  bool qualified_only = false;  // another column has the bare name
};

// The result of looking a dotted name up.
struct ScopeMatch {
  const ScopeColumn* column = nullptr;
  size_t parts_used = 0;   // what remains are fields
  bool ambiguous = false;  // several columns answer
};

struct Scope {
  std::vector<ScopeColumn> columns;

  // Prefers the longest qualifier that matches; `column` is null when nothing does.
  ScopeMatch Find(const std::vector<std::string>& parts) const;
  // The columns of `qualifier`.*, all but hidden ones when it is empty.
  std::vector<const ScopeColumn*> Star(const std::vector<std::string>& qualifier) const;
  // For suggestions: all names, unqualified.
  std::vector<std::string> Names() const;
};

}  // namespace millrace::sql
