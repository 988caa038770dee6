/* A day of a leaderboard through hiredis: pipelines, a transaction, messages, a blocking pop, a restart. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "day.c:%d: %s\n", __LINE__, #what); \
            exit(1); \
        } \
    } while (0)

static redisContext *open_connection(void) {
    redisContext *context = redisConnect("127.0.0.1", atoi(getenv("SERVER_PORT")));
    CHECK(context != NULL && context->err == 0);
    redisReply *reply = redisCommand(context, "AUTH %s", getenv("SERVER_PASSWORD"));
    CHECK(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    return context;
}

static int is_text(const redisReply *reply, const char *text) {
    return reply != NULL && reply->str != NULL && strcmp(reply->str, text) == 0;
}

int main(void) {
    redisContext *context = open_connection();
    for (int number = 0; number < 1000; number++) {
        CHECK(redisAppendCommand(context, "ZADD board %d player:%d", number, number) == REDIS_OK);
    }
    redisReply *reply;
    for (int number = 0; number < 1000; number++) {
        CHECK(redisGetReply(context, (void **)&reply) == REDIS_OK && reply->integer == 1);
        freeReplyObject(reply);
    }
    reply = redisCommand(context, "ZREVRANGE board 0 0 WITHSCORES");
    CHECK(reply->elements == 2 && is_text(reply->element[0], "player:999") && is_text(reply->element[1], "999"));
    freeReplyObject(reply);
    reply = redisCommand(context, "ZSCORE board %b", "no\0body", (size_t)7);
    CHECK(reply->type == REDIS_REPLY_NIL);
    freeReplyObject(reply);

    redisAppendCommand(context, "MULTI");
    redisAppendCommand(context, "ZINCRBY board 1 player:1");
    redisAppendCommand(context, "LLEN board");
    redisAppendCommand(context, "EXEC");
    for (int number = 0; number < 3; number++) {
        CHECK(redisGetReply(context, (void **)&reply) == REDIS_OK && reply->type == REDIS_REPLY_STATUS);
        freeReplyObject(reply);
    }
    CHECK(redisGetReply(context, (void **)&reply) == REDIS_OK && reply->elements == 2);
    CHECK(is_text(reply->element[0], "2") && reply->element[1]->type == REDIS_REPLY_ERROR);
    freeReplyObject(reply);

    redisContext *listener = open_connection();
    reply = redisCommand(listener, "SUBSCRIBE news");
    CHECK(reply->elements == 3);
    freeReplyObject(reply);
    freeReplyObject(redisCommand(context, "PUBLISH news hello"));
    CHECK(redisGetReply(listener, (void **)&reply) == REDIS_OK && is_text(reply->element[2], "hello"));
    freeReplyObject(reply);
    redisFree(listener);

    redisContext *worker = open_connection();
    redisAppendCommand(worker, "BZPOPMIN jobs 10");
    int done = 0;
    while (!done) {
        CHECK(redisBufferWrite(worker, &done) == REDIS_OK);
    }
    freeReplyObject(redisCommand(context, "ZADD jobs 1 first"));
    CHECK(redisGetReply(worker, (void **)&reply) == REDIS_OK && is_text(reply->element[1], "first"));
    freeReplyObject(reply);
    redisFree(worker);

    freeReplyObject(redisCommand(context, "SET kept yes"));
    CHECK(system(getenv("SERVER_RESTART")) == 0);
    CHECK(redisCommand(context, "GET kept") == NULL && context->err == REDIS_ERR_EOF);
    CHECK(redisReconnect(context) == REDIS_OK);
    freeReplyObject(redisCommand(context, "AUTH %s", getenv("SERVER_PASSWORD")));
    reply = redisCommand(context, "GET kept");
    CHECK(is_text(reply, "yes"));
    freeReplyObject(reply);
    redisFree(context);
    return 0;
}
