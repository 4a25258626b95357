"""Events as Stripe sends them: made from its own example objects, told as stories of customers, signed with its SDK.

    fixtures   Stripe's example objects            world      ids, times and events, from a seed
    stories    what happens to one customer        catalogue  what happens to an account: products, payouts, ...
    delivery   a body on its way, and its header   plan       deliveries in order, with repeats and late ones
    sender     many connections, and a history     semantics  what all of it must lead to

Nothing in here asks the programs under test what is right.
"""
