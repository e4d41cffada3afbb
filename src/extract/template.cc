#include "extract/template.h"

#include <algorithm>
#include <expected>

#include "extract/template_functions.h"
#include "io/http_message.h"

namespace millrace::extract {
namespace {

constexpr size_t kTemplateBytesMax = 64 << 10;
constexpr std::string_view kParams = "params.";

template <typename T>
using Parsed = std::expected<T, TemplateMistake>;

bool IsParam(std::string_view variable) {
  return variable.starts_with(kParams) && variable.size() > kParams.size();
}

std::optional<TemplateKind> KindOfVariable(std::string_view name) {
  if (IsParam(name)) return TemplateKind::kText;
  const TemplateVariable* variable = FindTemplateVariable(name);
  if (variable == nullptr) return std::nullopt;
  return variable->kind;
}

TemplateValue ValueOf(std::string_view variable, const TemplateValues& values) {
  if (!IsParam(variable)) return FindTemplateVariable(variable)->value(values);
  const auto found = values.params.find(std::string(variable.substr(kParams.size())));
  return found == values.params.end() ? std::string() : found->second;
}

std::string NoVariable(std::string_view name) {
  std::string known;
  for (const TemplateVariable& variable : TemplateVariables())
    known += fmt::format("{}, ", variable.name);
  return fmt::format("no variable '{}': there are {}and params.NAME", name, known);
}

std::string NoFunction(std::string_view name) {
  std::string known;
  for (const TemplateFunction& function : TemplateFunctions())
    known += fmt::format("{}{}", known.empty() ? "" : ", ", function.name);
  return fmt::format("no function '{}': there are {}", name, known);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Parsed<std::vector<Template::Piece>> Parse() {
    if (text_.size() > kTemplateBytesMax) return Wrong("a template has at most 65536 bytes");
    std::vector<Template::Piece> pieces;
    while (at_ < text_.size()) {
      const size_t open = std::min(text_.find("{{", at_), text_.size());
      if (open > at_) pieces.push_back({std::string(text_.substr(at_, open - at_)), {}, {}});
      at_ = open;
      if (at_ == text_.size()) break;
      at_ += 2;
      Parsed<Template::Piece> piece = Expression();
      if (!piece) return std::unexpected(std::move(piece).error());
      pieces.push_back(std::move(*piece));
    }
    return pieces;
  }

 private:
  std::unexpected<TemplateMistake> Wrong(std::string what) const {
    return WrongAt(at_, std::move(what));
  }
  static std::unexpected<TemplateMistake> WrongAt(size_t at, std::string what) {
    return std::unexpected(TemplateMistake{at, std::move(what)});
  }
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool Take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  std::string_view Word() {
    const size_t begin = at_;
    const auto part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '-';
    };
    while (at_ < text_.size() && part(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // Behind "{{"; ends behind "}}".
  Parsed<Template::Piece> Expression() {
    Template::Piece piece;
    SkipSpace();
    const size_t begin = at_;
    piece.variable = Word();
    const auto kind = KindOfVariable(piece.variable);
    if (!kind) return WrongAt(begin, NoVariable(piece.variable));
    TemplateKind now = *kind;
    for (;;) {
      SkipSpace();
      if (Take("}}")) return piece;
      if (at_ == text_.size()) return WrongAt(begin, "'{{' is not closed by '}}'");
      if (!Take("|")) return Wrong("expected '|' or '}}'");
      Parsed<Template::Call> call = FunctionCall(now);
      if (!call) return std::unexpected(std::move(call).error());
      now = FindTemplateFunction(call->function)->gives;
      piece.calls.push_back(std::move(*call));
    }
  }

  Parsed<Template::Call> FunctionCall(TemplateKind input) {
    SkipSpace();
    const size_t begin = at_;
    Template::Call call{std::string(Word()), {}};
    const TemplateFunction* function = FindTemplateFunction(call.function);
    if (function == nullptr) return WrongAt(begin, NoFunction(call.function));
    if (function->takes != input)
      return WrongAt(begin, fmt::format("'{}' takes a {}, not a {}", call.function,
                                        function->takes == TemplateKind::kTime ? "time" : "text",
                                        input == TemplateKind::kTime ? "time" : "text"));
    SkipSpace();
    if (Take("(")) {
      if (auto read = ReadArguments(call.arguments); !read)
        return std::unexpected(std::move(read).error());
    }
    if (call.arguments.size() != function->arguments)
      return WrongAt(begin, fmt::format("'{}' takes {} arguments, not {}", call.function,
                                        function->arguments, call.arguments.size()));
    if (!function->valid(call.arguments))
      return WrongAt(begin, fmt::format("'{}' cannot take '{}'", call.function, call.arguments[0]));
    return call;
  }

  Parsed<void> ReadArguments(TemplateArguments& arguments) {
    SkipSpace();
    if (Take(")")) return {};
    for (;;) {
      SkipSpace();
      if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
        const char quote = text_[at_];
        const size_t close = text_.find(quote, at_ + 1);
        if (close == std::string_view::npos) return Wrong("the quote is not closed");
        arguments.emplace_back(text_.substr(at_ + 1, close - at_ - 1));
        at_ = close + 1;
      } else {
        const std::string_view word = Word();
        if (word.empty()) return Wrong("expected an argument");
        arguments.emplace_back(word);
      }
      SkipSpace();
      if (Take(")")) return {};
      if (!Take(",")) return Wrong("expected ',' or ')'");
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Template> Template::Parse(std::string_view text) {
  auto pieces = Parser(text).Parse();
  if (!pieces)
    return Fail(ErrorCode::kInvalidArgument, "template, column {}: {}", pieces.error().offset + 1,
                pieces.error().message);
  Template parsed;
  parsed.pieces_ = std::move(*pieces);
  return parsed;
}

std::optional<TemplateMistake> Template::FindMistake(std::string_view text) {
  auto pieces = Parser(text).Parse();
  if (pieces) return std::nullopt;
  return std::move(pieces).error();
}

std::string Template::Render(const TemplateValues& values, Encoding encoding) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    if (piece.variable.empty()) {
      text += piece.text;
      continue;
    }
    TemplateValue value = ValueOf(piece.variable, values);
    for (const Call& call : piece.calls)
      value = FindTemplateFunction(call.function)->apply(value, call.arguments);
    const auto* at = std::get_if<TimestampUs>(&value);
    const std::string shown = at != nullptr ? FormatInstant(*at) : std::get<std::string>(value);
    text += encoding == Encoding::kUrl ? io::PercentEncode(shown) : shown;
  }
  return text;
}

bool Template::uses_cursor() const {
  for (const Piece& piece : pieces_)
    if (piece.variable == "cursor") return true;
  return false;
}

void Template::AddNeededParams(std::set<std::string>& names) const {
  for (const Piece& piece : pieces_) {
    const bool has_default =
        std::ranges::any_of(piece.calls, [](const Call& c) { return c.function == "default"; });
    if (IsParam(piece.variable) && !has_default)
      names.insert(piece.variable.substr(kParams.size()));
  }
}

Status CheckParams(const std::set<std::string>& needed,
                   const std::map<std::string, std::string>& given) {
  for (const std::string& name : needed) {
    if (given.contains(name)) continue;
    auto missing = Fail(ErrorCode::kInvalidArgument, "params.{} is not given", name);
    missing.error().hint = fmt::format(
        "trigger with --conf '{{\"{}\": ...}}', or write {{{{ params.{} | default('...') }}}}",
        name, name);
    return missing;
  }
  return {};
}

}  // namespace millrace::extract
