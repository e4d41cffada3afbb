#include "cql/grammar/ddl.h"

#include "cql/grammar/ddl_parser.h"

namespace millrace::cql {

std::string DdlError::ToString() const {
  std::string text = fmt::format("{}:{}:{}: {}", file, place.line, place.column, message);
  if (!suggestion.empty()) text += fmt::format(" ({})", suggestion);
  return text;
}

Status DdlScript::ToStatus() const {
  if (errors.empty()) return {};
  const std::string more =
      errors.size() > 1 ? fmt::format(" (and {} more)", errors.size() - 1) : "";
  return Fail(ErrorCode::kInvalidArgument, "{}{}", errors.front().ToString(), more);
}

DdlScript ParseDdl(std::string_view file, std::string_view text,
                   const std::vector<store::UserType>& known_types) {
  if (text.size() > kDdlBytesMax) {
    DdlScript script;
    script.errors.push_back(
        {std::string(file),
         {},
         fmt::format("{} bytes of CQL, at most {} are read", text.size(), kDdlBytesMax),
         ""});
    return script;
  }
  return DdlParser(file, text, known_types).Run();
}

}  // namespace millrace::cql
