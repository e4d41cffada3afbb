#include "pipeline/effective_settings.h"

#include <algorithm>

#include "pipeline/settings.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kMayHoldSecrets[] = {"dags.*.tasks.*.http.headers.*",
                                                "dags.*.tasks.*.http.query.*",
                                                "dags.*.tasks.*.http.body",
                                                "dags.*.tasks.*.http.auth.user",
                                                "dags.*.tasks.*.command.environment.*",
                                                "dags.*.tasks.*.command.argv.[]"};

// A secret's own setting only names where it is; plain text is refused when the project is read.
bool MayHoldSecret(const std::string& pattern, const std::string& value) {
  if (std::ranges::find(kMayHoldSecrets, pattern) != std::end(kMayHoldSecrets)) return true;
  const size_t scheme = value.find("://");
  if (scheme == std::string::npos) return false;
  // What stands before the host, and what a query in the URL itself may carry.
  const size_t host_end = std::min(value.find('/', scheme + 3), value.size());
  return value.find('@', scheme) < host_end || value.find('?') != std::string::npos;
}

class Lister {
 public:
  // `node` may be null: the map is not written.
  void Map(const std::string& pattern, const std::string& path, const Node* node) {
    for (const std::string& name : MembersOf(pattern)) {
      const std::string below = pattern.empty() ? name : pattern + "." + name;
      if (name != "*") {
        Member(below, path.empty() ? name : path + "." + name,
               node == nullptr ? nullptr : node->Find(name));
        continue;
      }
      for (size_t i = 0; node != nullptr && i < node->members.size(); ++i) {
        const auto& [key, member] = node->members[i];
        Member(below, path.empty() ? key : path + "." + key, &member);
      }
    }
  }

  std::vector<EffectiveSetting> Take() { return std::move(list_); }

 private:
  void Member(const std::string& pattern, const std::string& path, const Node* node) {
    const Setting& setting = *FindSetting(pattern);
    const bool is_section = pattern.find('.') == std::string::npos;
    if (setting.kind == SettingKind::kMap) {
      if (node != nullptr || is_section) Map(pattern, path, node);
    } else if (node == nullptr) {
      if (!setting.fallback.empty())
        list_.push_back({path, std::string(setting.fallback), SettingOrigin::kDefault});
    } else if (node->kind == Node::Kind::kList) {
      for (size_t i = 0; i < node->items.size(); ++i)
        Item(pattern + ".[]", fmt::format("{}[{}]", path, i), node->items[i]);
    } else {
      Scalar(pattern, path, *node);
    }
  }

  void Item(const std::string& pattern, const std::string& path, const Node& node) {
    const Setting* const setting = FindSetting(pattern);
    if (setting != nullptr && setting->kind == SettingKind::kMap)
      Map(pattern, path, &node);
    else
      Scalar(pattern, path, node);
  }

  void Scalar(const std::string& pattern, const std::string& path, const Node& node) {
    EffectiveSetting effective;
    effective.path = path;
    if (!MayHoldSecret(pattern, node.text)) effective.value = node.text;
    effective.origin = node.text.find("${") == std::string::npos ? SettingOrigin::kFile
                                                                 : SettingOrigin::kEnvironment;
    effective.where = node.where;
    list_.push_back(std::move(effective));
  }

  std::vector<EffectiveSetting> list_;
};

}  // namespace

std::string_view Name(SettingOrigin origin) {
  switch (origin) {
    case SettingOrigin::kFile:
      return "file";
    case SettingOrigin::kEnvironment:
      return "environment";
    case SettingOrigin::kDefault:
      break;
  }
  return "default";
}

std::vector<EffectiveSetting> EffectiveSettings(const Node& as_written) {
  Lister lister;
  lister.Map("", "", &as_written);
  return lister.Take();
}

}  // namespace millrace::pipeline
