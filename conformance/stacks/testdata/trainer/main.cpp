#include <iostream>

#include "digits_train.hpp"

template <class T>
std::vector<T> read(const std::string& path, size_t count) {
  std::vector<T> data(count);
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(data.data()), std::streamsize(count * sizeof(T)));
  return data;
}

void want(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

int main(int, char** arguments) try {
  const size_t steps = std::stoul(arguments[1]), batch = std::stoul(arguments[2]);
  const auto x = read<float>("x.bin", steps * batch * 64);
  const auto y = read<int64_t>("y.bin", steps * batch);
  auto at = [&](size_t i) {
    digits_train::Batch b;
    b.add("x", x.data() + i * batch * 64, batch * 64, {int64_t(batch), 64});
    b.add("target", y.data() + i * batch, batch, {int64_t(batch)});
    return b;
  };
  digits_train::Trainer trainer("", 1);
  std::ofstream losses("losses.txt");
  losses.precision(9);
  for (size_t i = 0; i < steps; i++) losses << trainer.step(at(i)) << '\n';
  trainer.save("trained.safetensors");
  const float before = trainer.evaluate(at(0));
  const auto rate = trainer.get<float>("lr");
  trainer.set<float>("lr", {0});
  trainer.step(at(0));  // which leaves all values as they are
  want(trainer.evaluate(at(0)) == before, "a rate of 0 changes values");
  trainer.load_values("trained.safetensors");
  want(trainer.evaluate(at(0)) == before && trainer.get<float>("lr") == rate, "loading changes values");
  std::ofstream evaluated("evaluated.txt");
  evaluated.precision(9);
  evaluated << before << '\n';
  digits_train::Batch wrong = at(0);
  wrong.add("target", std::vector<int32_t>(batch), {int64_t(batch)});
  for (int i = 0; i < 2; i++) {
    bool refused = false;
    try {
      trainer.step(wrong);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    want(refused, "a wrong batch is taken");
    wrong.arrays.erase("target");
  }
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
