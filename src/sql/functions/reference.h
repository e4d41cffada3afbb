// docs/reference/functions.md, written from the table of functions, so that it cannot be wrong
// about names, arguments or examples.
#pragma once

#include <string>

namespace millrace::sql {

// The whole page as Markdown: one table a category, in the order of AllFunctions().
std::string FunctionsReference();

}  // namespace millrace::sql
