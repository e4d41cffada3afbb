#include "pipeline/document.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <yaml-cpp/yaml.h>

namespace millrace::pipeline {
namespace {

constexpr size_t kTextBytesMax = size_t{4} << 20;
constexpr int kDepthMax = 64;
// An alias is expanded each time it is named: this bound keeps a small hostile file from becoming a
// huge tree.
constexpr size_t kNodesMax = 200000;

sql::Location LocationOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

bool IsNameChar(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

class Reader {
 public:
  Reader(const std::string& file, std::string_view text, const Environment& environment,
         Problems& problems)
      : file_(file), text_(text), environment_(environment), problems_(problems) {}

  Node Convert(const YAML::Node& from, int depth) {
    Node node;
    node.where = LocationOf(from.Mark());
    if (depth > kDepthMax) {
      Report(node.where, fmt::format("nested deeper than {} levels", kDepthMax), "");
      return node;
    }
    if (++nodes_ > kNodesMax) {
      if (nodes_ == kNodesMax + 1) {
        Report(node.where, fmt::format("more than {} values, aliases counted as copies", kNodesMax),
               "");
      }
      return node;
    }
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        ConvertScalar(from, node);
        break;
      case YAML::NodeType::Sequence:
        node.kind = Node::Kind::kList;
        for (const YAML::Node& item : from) node.items.push_back(Convert(item, depth + 1));
        break;
      case YAML::NodeType::Map:
        ConvertMap(from, node, depth);
        break;
    }
    return node;
  }

  void Report(sql::Location where, std::string message, std::string suggestion) {
    problems_.push_back({file_, where, std::move(message), std::move(suggestion)});
  }

 private:
  void ConvertScalar(const YAML::Node& from, Node& node) {
    node.kind = Node::Kind::kScalar;
    node.quoted = from.Tag() == "!";
    const int at = from.Mark().pos;
    const bool within = at >= 0 && static_cast<size_t>(at) < text_.size();
    const char indicator = within ? text_[static_cast<size_t>(at)] : '\0';
    node.folded = node.quoted && indicator == '>';
    node.block = node.quoted && (indicator == '|' || node.folded);
    unresolved_ = false;
    node.text = environment_ ? Replace(from.Scalar(), node.where) : from.Scalar();
    node.unresolved = unresolved_;
  }

  void ConvertMap(const YAML::Node& from, Node& node, int depth) {
    node.kind = Node::Kind::kMap;
    std::set<std::string> seen;
    for (const auto& member : from) {
      if (!member.first.IsScalar()) {
        Report(LocationOf(member.first.Mark()), "a key must be plain text", "");
        continue;
      }
      const std::string key = member.first.Scalar();
      if (!seen.insert(key).second) {
        Report(LocationOf(member.first.Mark()), fmt::format("key \"{}\" stands here twice", key),
               "remove one of them");
        continue;
      }
      Node child = Convert(member.second, depth + 1);
      child.key_where = LocationOf(member.first.Mark());
      if (child.kind == Node::Kind::kNull) child.where = child.key_where;
      node.members.emplace_back(key, std::move(child));
    }
  }

  std::string Replace(const std::string& text, sql::Location where) {
    std::string result;
    size_t at = 0;
    while (at < text.size()) {
      const size_t dollar = text.find("${", at);
      if (dollar == std::string::npos) break;
      if (dollar > at && text[dollar - 1] == '$') {
        result += text.substr(at, dollar - at - 1) + "${";
        at = dollar + 2;
        continue;
      }
      result += text.substr(at, dollar - at);
      const size_t close = text.find('}', dollar);
      if (close == std::string::npos) {
        Unresolved(where, "\"${\" without its \"}\"", "write $${ for a plain ${");
        return text;
      }
      result += Variable(text.substr(dollar + 2, close - dollar - 2), where);
      at = close + 1;
    }
    return result + text.substr(std::min(at, text.size()));
  }

  void Unresolved(sql::Location where, std::string message, std::string suggestion) {
    unresolved_ = true;
    Report(where, std::move(message), std::move(suggestion));
  }

  std::string Variable(const std::string& body, sql::Location where) {
    size_t name_end = 0;
    while (name_end < body.size() && IsNameChar(body[name_end])) ++name_end;
    const std::string name = body.substr(0, name_end);
    const std::string rest = body.substr(name_end);
    if (name.empty() || (!rest.empty() && !rest.starts_with(":-") && !rest.starts_with(":?"))) {
      Unresolved(
          where,
          fmt::format("\"${{{}}}\" is not ${{NAME}}, ${{NAME:-default}} or ${{NAME:?message}}",
                      body),
          "");
      return {};
    }
    const std::optional<std::string> value = environment_(name);
    if (rest.empty()) {
      if (!value)
        Unresolved(where, fmt::format("environment variable {} is not set", name),
                   fmt::format("set it, or write ${{{}:-default}}", name));
      return value.value_or("");
    }
    if (value && !value->empty()) return *value;
    if (rest.starts_with(":-")) return rest.substr(2);
    const std::string reason = rest.substr(2);
    Unresolved(where,
               reason.empty()
                   ? fmt::format("environment variable {} is {}", name, value ? "empty" : "not set")
                   : fmt::format("environment variable {}: {}", name, reason),
               "");
    return {};
  }

  const std::string& file_;
  std::string_view text_;
  const Environment& environment_;
  Problems& problems_;
  size_t nodes_ = 0;
  bool unresolved_ = false;  // of the scalar under way
};

}  // namespace

std::string Problem::ToString() const {
  std::string line = fmt::format("{}:{}:{}: {}: {}", file, where.line, where.column,
                                 is_warning ? "warning" : "error", message);
  if (!suggestion.empty()) line += fmt::format(" ({})", suggestion);
  return line;
}

const Node* Node::Find(std::string_view key) const {
  for (const auto& [name, node] : members) {
    if (name == key) return &node;
  }
  return nullptr;
}

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

Node ParseDocument(const std::string& file, std::string_view text, const Environment& environment,
                   Problems& problems) {
  Reader reader(file, text, environment, problems);
  if (text.size() > kTextBytesMax) {
    reader.Report({}, fmt::format("{} bytes, at most {} are read", text.size(), kTextBytesMax), "");
    return {};
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1)
      reader.Report({}, "more than one YAML document", "keep one; remove the ---");
    return documents.empty() ? Node{} : reader.Convert(documents[0], 0);
  } catch (const YAML::Exception& error) {
    reader.Report(LocationOf(error.mark), error.msg, "");
    return {};
  }
}

}  // namespace millrace::pipeline
