// Secret: a value that cannot be printed. It has no conversion to a string and formats as "***";
// the one way to its bytes is Reveal(), which is searched for in review. Memory is wiped when the
// last copy goes.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace millrace {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&&) = default;
  Secret& operator=(Secret&&) = default;
  ~Secret() {
    volatile char* at = value_.data();
    for (size_t i = 0; i < value_.size(); ++i) at[i] = 0;
  }

  bool empty() const { return value_.empty(); }
  std::string_view Reveal() const { return value_; }

 private:
  std::string value_;
};

}  // namespace millrace

template <>
struct fmt::formatter<millrace::Secret> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const millrace::Secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
