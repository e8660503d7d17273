"""What the scripts in Python for matrix.py share: SCRIPT first JSON, and SCRIPT second JSON with the saved session."""
import asyncio
import json
import sys


def run(first, second, around=asyncio.run):
    job, dc = sys.argv[1], json.loads(sys.argv[2])

    async def limited():
        return await asyncio.wait_for({"first": first, "second": second}[job](dc), 75)

    print(json.dumps({"done": around(limited())}))
