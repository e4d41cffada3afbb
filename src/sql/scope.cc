#include "sql/scope.h"

#include <algorithm>
#include <span>

namespace millrace::sql {
namespace {

// Whether `parts` is the end of the qualifier: "by_id" and "users.by_id" both name users.by_id.
bool Qualifies(std::span<const std::string> parts, const std::vector<std::string>& qualifier) {
  if (parts.empty() || parts.size() > qualifier.size()) return false;
  return std::equal(
      parts.rbegin(), parts.rend(), qualifier.rbegin(),
      [](const std::string& a, const std::string& b) { return data::EqualsIgnoringCase(a, b); });
}

}  // namespace

ScopeMatch Scope::Find(const std::vector<std::string>& parts) const {
  constexpr size_t kQualifierPartsMax = 2;
  for (size_t qualifier = std::min(kQualifierPartsMax, parts.size() - 1) + 1; qualifier-- > 0;) {
    ScopeMatch match;
    for (const ScopeColumn& column : columns) {
      if (!data::EqualsIgnoringCase(column.name, parts[qualifier])) continue;
      const auto prefix = std::span(parts).first(qualifier);
      if (qualifier > 0 ? !Qualifies(prefix, column.qualifier) : column.qualified_only) continue;
      match.ambiguous = match.column != nullptr;
      match.column = &column;
      match.parts_used = qualifier + 1;
      if (match.ambiguous) return match;
    }
    if (match.column != nullptr) return match;
  }
  return {};
}

std::vector<const ScopeColumn*> Scope::Star(const std::vector<std::string>& qualifier) const {
  std::vector<const ScopeColumn*> found;
  for (const ScopeColumn& column : columns) {
    if (column.hidden) continue;
    if (qualifier.empty() || Qualifies(qualifier, column.qualifier)) found.push_back(&column);
  }
  return found;
}

std::vector<std::string> Scope::Names() const {
  std::vector<std::string> names;
  for (const ScopeColumn& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace millrace::sql
