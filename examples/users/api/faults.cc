#include "faults.h"

#include <charconv>

#include "io/clock.h"

namespace millrace::users {
namespace {

struct KindFacts {
  std::string_view name;
  int64_t default_argument;
};
// In the order of FaultKind.
constexpr KindFacts kKinds[] = {{"429", 1},       {"5xx", 503},     {"slow", 500},
                                {"cut", 0},       {"truncated", 0}, {"invalid_json", 0},
                                {"malformed", 0}, {"duplicate", 0}, {"endless", 0}};

template <typename T>
bool ParseNumber(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Fault> ParseFault(std::string_view part) {
  const size_t equals = std::min(part.find('='), part.size());
  const std::string_view name = part.substr(0, equals);
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    if (kKinds[i].name != name) continue;
    Fault fault{static_cast<FaultKind>(i), 1, kKinds[i].default_argument};
    if (equals == part.size()) return fault;
    const std::string_view values = part.substr(equals + 1);
    const size_t colon = std::min(values.find(':'), values.size());
    const bool chance_ok = ParseNumber(values.substr(0, colon), fault.chance);
    const bool argument_ok =
        colon == values.size() || ParseNumber(values.substr(colon + 1), fault.argument);
    if (!chance_ok || !argument_ok || !(fault.chance >= 0 && fault.chance <= 1) ||
        fault.argument < 0 || fault.argument > 600000)
      return Fail(ErrorCode::kInvalidArgument, "fault '{}' is not name=chance[:argument]", part);
    return fault;
  }
  return Fail(ErrorCode::kInvalidArgument, "no fault '{}'", name);
}

}  // namespace

std::string_view FaultName(FaultKind kind) { return kKinds[static_cast<size_t>(kind)].name; }

Result<std::vector<Fault>> ParseFaults(std::string_view spec) {
  std::vector<Fault> faults;
  while (!spec.empty()) {
    const size_t end = std::min(spec.find(','), spec.size());
    MR_ASSIGN(Fault fault, ParseFault(spec.substr(0, end)));
    faults.push_back(fault);
    spec.remove_prefix(std::min(end + 1, spec.size()));
  }
  return faults;
}

const Fault* DrawTransportFault(const std::vector<Fault>& faults, uint64_t seed, uint64_t request) {
  io::SeededRandom random(seed ^ (request * 0x9e3779b97f4a7c15ULL));
  double draw = static_cast<double>(random.Next() >> 11) * 0x1p-53;
  for (const Fault& fault : faults) {
    if (fault.kind > FaultKind::kInvalidJson) continue;
    if (draw < fault.chance) return &fault;
    draw -= fault.chance;
  }
  return nullptr;
}

double ChanceOf(const std::vector<Fault>& faults, FaultKind kind) {
  for (const Fault& fault : faults)
    if (fault.kind == kind) return fault.chance;
  return 0;
}

}  // namespace millrace::users
