"""The built programs from outside: started, hurt, stopped, and held against what they promise.

    waiting    bounded waits                     programs   a process: ready, frozen, killed, stopped, measured
    system     one test's topics, database, programs        topic      a topic, read whole
    evidence   all that is left after a run      checker    what must hold for it
    servers    the stacks that tests share       outage     traffic through a broker's fault
    fault_proxy  what the wire to a broker may do  postgres_proxy  … and the one to PostgreSQL
    postgres_servers  standby, small disk, pooler
"""
