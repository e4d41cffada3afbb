// The nearest of some known words to a mistyped one, for suggestions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cql {

// "did you mean 'int'?", or "" when nothing is near (more than a third of the letters differ).
std::string SuggestNearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace millrace::cql
