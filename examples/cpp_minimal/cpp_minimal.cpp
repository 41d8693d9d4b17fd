/* The first program in C++: a chat engine in a folder, two users, one message. */
#include <chatcore/chatcore.hpp>

#include <ctime>
#include <iostream>

/* What is thrown ends the program, and is to. NOLINTNEXTLINE(bugprone-exception-escape) */
int main()
{
    chatcore::Engine engine("first.data"); /* throws std::system_error */
    std::string bob_name = "bob";
    chatcore::Session alice = engine.queue().open({"alice"});
    chatcore::Session bob = engine.queue().open({"bob", &bob_name});

    alice.submit(chatcore::Command::connect("laptop"));
    bob.submit(chatcore::Command::connect("phone"));
    alice.submit(chatcore::Command::send_to("bob", std::to_string(std::time(nullptr)), "Hello!"));
    engine.run([&](const chatcore::Event &event) {
        event.visit(chatcore::overloaded{
            [&](const chatcore::Message &message) {
                event.each<std::string>([&](std::string &name) {
                    std::cout << name << " has: " << message.text() << "\n";
                    engine.stop();
                });
            },
            [](const auto &) {},
        });
    });
}
