#include "sql/source_text.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace millrace::sql {
namespace {

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Edits (insert, delete, replace, swap of neighbours) between two short names, case ignored.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string ToString(const Diagnostic& diagnostic, std::string_view file) {
  std::string text = fmt::format("{}:{}:{}: [{}] {}", file, diagnostic.where.line,
                                 diagnostic.where.column, diagnostic.condition, diagnostic.message);
  if (!diagnostic.suggestion.empty()) text += fmt::format(" ({})", diagnostic.suggestion);
  return text;
}

Error ToError(const std::vector<Diagnostic>& diagnostics, std::string_view file) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += ToString(diagnostic, file);
  }
  return Error{ErrorCode::kInvalidArgument, std::move(text), {}};
}

std::string NearestName(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr size_t kNameBytesMax = 64;  // longer ones are no typing slips, and cost squares
  if (name.empty() || name.size() > kNameBytesMax) return {};
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kNameBytesMax) continue;
    const size_t distance = EditDistance(name, candidate);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best == nullptr ? std::string() : *best;
}

}  // namespace millrace::sql
