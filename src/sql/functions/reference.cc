#include "sql/functions/reference.h"

#include <algorithm>

#include "sql/function.h"

namespace millrace::sql {
namespace {

// A cell of a Markdown table: "|" would end it.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

std::string Code(std::string_view text) {
  return text.empty() ? std::string() : "`" + Cell(text) + "`";
}

std::string RowOf(const FunctionDef& def) {
  std::string about = Cell(def.description);
  if (!def.aliases.empty())
    about += fmt::format(" Also: `{}`.", Cell(fmt::to_string(fmt::join(def.aliases, "`, `"))));
  if (!def.difference.empty()) about += fmt::format(" *Spark: {}.*", Cell(def.difference));
  return fmt::format("| {} | {} | {} |\n", Code(def.usage), about, Code(def.example));
}

}  // namespace

std::string FunctionsReference() {
  const auto all = AllFunctions();
  std::string page = fmt::format(
      "# Functions and operators\n\n"
      "Generated from the table in `src/sql/functions/`; {} entries. Names, argument rules, NULLs "
      "and errors are Spark 4.1's with ANSI on; where a function differs, its row says so after "
      "*Spark:*. A row that raises an error goes to the dead-letter topic with Spark's error "
      "condition.\n",
      all.size());
  std::string_view category;
  for (const FunctionDef* def : all) {
    if (def->category != category) {
      category = def->category;
      page +=
          fmt::format("\n## {}\n\n| call | what it gives | example |\n|---|---|---|\n", category);
    }
    page += RowOf(*def);
  }
  return page;
}

}  // namespace millrace::sql
